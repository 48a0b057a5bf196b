// The newest opened messages of warm sessions. Opening history is the dearest part of a turn; a warm session does it once.
import { LRUCache } from 'lru-cache';
import type { Clock } from '../base/clock.ts';
import type { ModelMessage, Part } from '../contract/message.ts';

const SESSIONS_MAX = 2_000;
const BYTES_MAX = 24 * 1024 * 1024;
const KEPT_MS = 10 * 60 * 1000;
/** Most messages kept of one session, and the most one session may take of the room. */
export const MESSAGES_KEPT = 128;
const SESSION_BYTES_MAX = 2 * 1024 * 1024;
/** What a message takes beside its text: object, parts and ids. */
const MESSAGE_OVERHEAD_BYTES = 400;

export type Remembered = ModelMessage & { seq: number; turnId: string };

interface Memory {
  epoch: number;
  /** In order of seq, without a gap down to the first. */
  messages: Remembered[];
  bytes: number;
  /** True when nothing of the session is older than the first. */
  whole: boolean;
}

export interface History {
  /** The newest `limit` up to `uptoSeq`, or undefined when memory does not reach that far back or is of another epoch. */
  recall(sessionId: string, epoch: number, upto: { seq: number; limit: number }): Remembered[] | undefined;
  /** A new session: nothing came before. */
  begin(sessionId: string, epoch: number, messages: Remembered[]): void;
  /** What was read from the data: the newest messages, `whole` when there are no others. */
  learn(sessionId: string, epoch: number, read: { messages: Remembered[]; whole: boolean }): void;
  /** Messages made durable just now; without effect for a session that is not warm. */
  append(sessionId: string, epoch: number, messages: readonly Remembered[]): void;
  forget(sessionId: string): void;
  /** Moves on with every `append` and `forget`: what was read before is not learned after. */
  version(): number;
  prune(): void;
}

export function createHistory({ clock }: { clock: Clock }): History {
  const perf = { now: () => clock.monotonic() };
  const warm = new LRUCache<string, Memory>({
    max: SESSIONS_MAX,
    maxSize: BYTES_MAX,
    ttl: KEPT_MS,
    ttlResolution: 0,
    perf,
    noUpdateTTL: true,
  });
  let version = 0;

  function keep(sessionId: string, memory: Memory): void {
    let cut = 0;
    while (memory.messages.length - cut > MESSAGES_KEPT || (memory.bytes > SESSION_BYTES_MAX && cut < memory.messages.length)) {
      memory.bytes -= bytesOf(memory.messages[cut]);
      cut += 1;
    }
    if (cut > 0) {
      memory.messages.splice(0, cut);
      memory.whole = false;
    }
    warm.set(sessionId, memory, { size: memory.bytes + MESSAGE_OVERHEAD_BYTES });
  }

  function learn(sessionId: string, epoch: number, read: { messages: Remembered[]; whole: boolean }): void {
    const messages = [...read.messages];
    keep(sessionId, { epoch, messages, bytes: messages.reduce((sum, each) => sum + bytesOf(each), 0), whole: read.whole });
  }

  return {
    recall(sessionId, epoch, { seq, limit }) {
      const memory = warm.get(sessionId);
      if (!memory || memory.epoch !== epoch) return undefined;
      let end = memory.messages.length;
      while (end > 0 && (memory.messages[end - 1]?.seq ?? 0) > seq) end -= 1;
      if (end < limit && !memory.whole) return undefined;
      return memory.messages.slice(Math.max(0, end - limit), end);
    },
    begin: (sessionId, epoch, messages) => learn(sessionId, epoch, { messages, whole: true }),
    learn,
    append(sessionId, epoch, messages) {
      version += 1;
      const memory = warm.get(sessionId);
      if (!memory) return;
      if (memory.epoch !== epoch) {
        warm.delete(sessionId);
        return;
      }
      for (const message of messages) {
        let at = memory.messages.length;
        while (at > 0 && (memory.messages[at - 1]?.seq ?? 0) > message.seq) at -= 1;
        if (at === 0 && !memory.whole) continue; // older than what is remembered
        if (memory.messages[at - 1]?.seq === message.seq) continue; // read from the data before its writer heard that it was durable
        memory.messages.splice(at, 0, message);
        memory.bytes += bytesOf(message);
      }
      keep(sessionId, memory);
    },
    forget(sessionId) {
      version += 1;
      warm.delete(sessionId);
    },
    version: () => version,
    prune: () => void warm.purgeStale(),
  };
}

function bytesOf(message: Remembered | undefined): number {
  return message ? message.parts.reduce((sum, part) => sum + partBytes(part), MESSAGE_OVERHEAD_BYTES) : 0;
}

/** Two bytes a character; arguments and results are measured as JSON. */
function partBytes(part: Part): number {
  if (part.type === 'text') return 2 * part.text.length;
  return 2 * JSON.stringify(part.type === 'call' ? part.args : part.value).length;
}
