// Every message that was sent, by its Idempotency-Key, and what came of it. What the agent says is held against this at the end.
import { createHash, randomUUID } from 'node:crypto';

/** At some point keeping all of it costs more than the load: the run ends there, and says so. */
export const MESSAGES_MAX = 1_000_000;

export type Kind = 'json' | 'stream';

export interface Answered {
  turnId: string;
  status: string;
  degraded: boolean;
  replyDigest: string;
}

export interface Sent {
  key: string;
  /** The request's body, the same every time this key is sent. */
  body: string;
  kind: Kind;
  answer?: Answered;
  /**
   * Why there is no answer. `cut`: the run was over. A problem's code, a status, a socket's error, or `timeout` otherwise.
   */
  trouble?: string;
  /** The agent said no before accepting, or was never reached: nothing may be stored. */
  isRefused?: true;
}

export interface Ledger {
  readonly sent: ReadonlyMap<string, Sent>;
  readonly isFull: boolean;
  open(kind: Kind, sessionId: string): Sent;
}

export function createLedger(message: string): Ledger {
  const sent = new Map<string, Sent>();
  return {
    sent,
    get isFull() {
      return sent.size >= MESSAGES_MAX;
    },
    open(kind, sessionId) {
      const key = `load-${randomUUID()}`;
      const body = JSON.stringify({ message: `${message} ${sent.size + 1}`, sessionId, ...(kind === 'stream' ? { stream: true } : {}) });
      const entry: Sent = { key, body, kind };
      sent.set(key, entry);
      return entry;
    },
  };
}

interface TurnBody {
  turnId: string;
  status: string;
  degraded: boolean;
  reply: string | null;
}

export const digestOf = (reply: string | null): string =>
  createHash('sha256')
    .update(reply ?? '\0')
    .digest('base64url')
    .slice(0, 22);

export const answeredBy = ({ turnId, status, degraded, reply }: TurnBody): Answered => ({
  turnId,
  status,
  degraded,
  replyDigest: digestOf(reply),
});

/** Before acceptance: the message is not stored. Any other 5xx may hide an accepted turn. */
const REFUSALS = new Set([
  'overloaded',
  'draining',
  'rate_limited',
  'storage_unavailable',
  'unauthenticated',
  'forbidden',
  'not_found',
  'conflict',
  'invalid_request',
  'payload_too_large',
  'idempotency_mismatch',
]);
const NEVER_REACHED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN', 'EADDRNOTAVAIL', 'EMFILE']);

/** Takes in one whole HTTP answer or the body of `turn.end`. */
export function settle(entry: Sent, status: number, bodyText: string): void {
  const body = parsed(bodyText) as (Partial<TurnBody> & { code?: string }) | undefined;
  if (status < 400 && body?.turnId !== undefined && body.status !== undefined && body.status !== 'queued' && body.status !== 'running') {
    entry.answer = answeredBy(body as TurnBody);
  } else if (status < 400) entry.trouble = body?.turnId === undefined ? 'not_holdfast' : 'left_open';
  // A failed turn is an end, too: it is stored, and says so with its id.
  else if (status === 500 && body?.turnId !== undefined) {
    entry.answer = answeredBy({ turnId: body.turnId, status: 'failed', degraded: false, reply: null });
  } else fail(entry, body?.code ?? `http_${status}`);
}

/** `failed` turns answer 500 with their turn's id and are no refusal; everything else by its code. */
export function fail(entry: Sent, code: string): void {
  entry.trouble = code;
  if (REFUSALS.has(code) || NEVER_REACHED.has(code)) entry.isRefused = true;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // a proxy's page, or half a body: told by its status
  }
}
