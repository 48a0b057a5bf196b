// Writes the message rows of a unit in the making; each takes the next place under its anchor.
import { hash } from 'node:crypto';
import type { ModelMessage } from '../contract/message.ts';
import type { Statement } from './database.ts';
import type { Remembered } from './history.ts';
import type { Lease, Leases } from './leases.ts';
import type { MessageRows, NewMessage } from './messages.ts';
import type { StoredTurn } from './store.ts';

export interface Scribe {
  readonly statements: Statement[];
  /** What a model may see of them, for memory. */
  readonly said: Remembered[];
  /** Returns the SHA-256 of the record in hex: what an audit row says of a message. */
  write(message: Omit<NewMessage, 'turnId' | 'seq'>): string;
}

export interface ScribeParts {
  leases: Leases;
  messages: MessageRows;
}

export function createScribe({ leases, messages }: ScribeParts, lease: Lease, turn: Pick<StoredTurn, 'id' | 'anchor'>): Scribe {
  const statements: Statement[] = [];
  const said: Remembered[] = [];
  return {
    statements,
    said,
    write(message) {
      const seq = leases.takeSeq(lease, turn.anchor);
      const { statement, record } = messages.insert(lease, { ...message, turnId: turn.id, seq });
      statements.push(statement);
      if (message.role !== 'fallback')
        said.push({ role: message.role as ModelMessage['role'], parts: message.parts, seq, turnId: turn.id });
      return hash('sha256', record, 'hex');
    },
  };
}
