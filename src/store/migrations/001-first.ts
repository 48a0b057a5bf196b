import type { Migration } from './migration.ts';

/**
 * The first schema. Columns named `…_sealed` hold records (crypto/envelope.ts) and nothing else; every other column is clear, for the reasons
 * in the encryption design. There are no foreign keys: each unit carries its own guards, and an erasure names every table it empties.
 */
export const first: Migration = {
  version: 1,
  statements: ({ integer, real, blob, keyed, plain }) => [
    `CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) ${keyed}`,

    `CREATE TABLE keyring (
      tenant TEXT NOT NULL, purpose TEXT NOT NULL, version ${integer} NOT NULL, wrapped ${blob} NOT NULL, created_at ${integer} NOT NULL,
      PRIMARY KEY (tenant, purpose, version)
    ) ${keyed}`,

    `CREATE TABLE session_keys (
      session_id TEXT NOT NULL PRIMARY KEY, version ${integer} NOT NULL, drk_version ${integer} NOT NULL,
      wrapped ${blob} NOT NULL, commitment ${blob} NOT NULL
    ) ${keyed}`,

    // revision counts changes of the sealed columns and is bound into them; epoch and holder are the lease.
    `CREATE TABLE sessions (
      id TEXT NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, principal TEXT NOT NULL,
      epoch ${integer} NOT NULL, holder TEXT NOT NULL, next_no ${integer} NOT NULL,
      message_count ${integer} NOT NULL, turn_count ${integer} NOT NULL,
      created_at ${integer} NOT NULL, updated_at ${integer} NOT NULL,
      revision ${integer} NOT NULL, title_sealed ${blob}, user_sealed ${blob}, metadata_sealed ${blob}, user_index ${blob}
    ) ${keyed}`,
    'CREATE INDEX sessions_by_principal ON sessions (principal, id)',

    `CREATE TABLE turns (
      id TEXT NOT NULL PRIMARY KEY, session_id TEXT NOT NULL, tenant TEXT NOT NULL, principal TEXT NOT NULL, request_id TEXT NOT NULL,
      no ${integer} NOT NULL, anchor ${integer} NOT NULL, status TEXT NOT NULL, reason TEXT,
      attempt ${integer} NOT NULL, recoveries ${integer} NOT NULL, retry_of TEXT, incomplete ${integer} NOT NULL,
      model TEXT, input_tokens ${integer} NOT NULL, output_tokens ${integer} NOT NULL,
      queue_ms ${real}, first_token_ms ${real}, total_ms ${real},
      created_at ${integer} NOT NULL, completed_at ${integer}, options_sealed ${blob} NOT NULL
    ) ${keyed}`,
    'CREATE UNIQUE INDEX turns_by_session ON turns (session_id, no)',
    'CREATE INDEX turns_by_principal ON turns (principal, id)',
    // Small: nearly all turns complete, and a completed one leaves it. Serves recovery and the lists of what went wrong.
    `CREATE INDEX turns_not_completed ON turns (status, id) WHERE status <> 'completed'`,

    // step: the model step of a turn that asked for tools; null for the question, the final reply and a fallback.
    `CREATE TABLE messages (
      session_id TEXT NOT NULL, seq ${integer} NOT NULL, id TEXT NOT NULL, turn_id TEXT NOT NULL, step ${integer},
      role TEXT NOT NULL, incomplete ${integer} NOT NULL, model TEXT, created_at ${integer} NOT NULL, content_sealed ${blob} NOT NULL,
      PRIMARY KEY (session_id, seq)
    ) ${plain}`,

    // Of an open turn: the ledger of its tools (outcome 'started' until told). Of an ended one: its record.
    `CREATE TABLE steps (
      turn_id TEXT NOT NULL, no ${integer} NOT NULL, step ${integer} NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
      outcome TEXT NOT NULL, ms ${real} NOT NULL, detail_sealed ${blob} NOT NULL,
      PRIMARY KEY (turn_id, no)
    ) ${keyed}`,

    `CREATE TABLE audit (
      writer TEXT NOT NULL, seq ${integer} NOT NULL, at ${integer} NOT NULL, tenant TEXT NOT NULL, principal TEXT NOT NULL,
      action TEXT NOT NULL, target TEXT NOT NULL, request_id TEXT NOT NULL, outcome TEXT NOT NULL, detail TEXT NOT NULL,
      prev_hash ${blob} NOT NULL, hash ${blob} NOT NULL,
      PRIMARY KEY (writer, seq)
    ) ${keyed}`,

    `CREATE TABLE outbox (
      id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, session_id TEXT NOT NULL, created_at ${integer} NOT NULL, payload_sealed ${blob} NOT NULL
    ) ${keyed}`,
    'CREATE INDEX outbox_by_session ON outbox (session_id)',

    `CREATE TABLE idempotency (
      principal TEXT NOT NULL, key_mac ${blob} NOT NULL, body_mac ${blob} NOT NULL, turn_id TEXT NOT NULL, created_at ${integer} NOT NULL,
      PRIMARY KEY (principal, key_mac)
    ) ${keyed}`,
    // Turn ids sort by time: the same index finds a session's keys and the oldest ones.
    'CREATE INDEX idempotency_by_turn ON idempotency (turn_id)',
  ],
};
