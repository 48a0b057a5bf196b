/**
 * One act, as whoever did it reports it. The writer adds writer id, seq, the previous row's hash and its own. `detail` holds only clear-text
 * facts the design allows (ids, states, counts, MACs, hashes of ciphertext): never conversation text.
 */
export interface AuditEntry {
  at: number;
  tenant: string;
  principal: string;
  /** Noun then verb: `turn.accept`, `turn.end`, `session.delete`. */
  action: string;
  target: string;
  requestId: string;
  outcome: string;
  /** Canonical JSON (keys sorted), '' when there is nothing to say. */
  detail: string;
}
