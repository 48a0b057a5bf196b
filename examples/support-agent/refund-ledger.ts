// The shop's side of a refund: a line in a file, on disk before it counts. A payment provider with idempotency keys would stand here.
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';

export interface Refund {
  /** The same for every try of one tool call: the key that a payment provider would be given. */
  callId: string;
  orderId: string;
  cents: number;
  reason: string;
}

export interface Ledger {
  refundedCents(orderId: string): number;
  /** Returns the refund's number. The same call id pays once. */
  pay(refund: Refund): string;
}

export function openLedger(path: string): Ledger {
  const read = (): Refund[] =>
    existsSync(path)
      ? readFileSync(path, 'utf8')
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line) as Refund)
      : [];
  const numberOf = (index: number) => `R-${String(index + 1).padStart(4, '0')}`;
  return {
    refundedCents: (orderId) => read().reduce((sum, refund) => sum + (refund.orderId === orderId ? refund.cents : 0), 0),
    pay(refund) {
      const paid = read();
      const before = paid.findIndex(({ callId }) => callId === refund.callId);
      if (before !== -1) return numberOf(before);
      const file = openSync(path, 'a', 0o600);
      writeSync(file, `${JSON.stringify(refund)}\n`);
      fsyncSync(file);
      closeSync(file);
      return numberOf(paid.length);
    },
  };
}
