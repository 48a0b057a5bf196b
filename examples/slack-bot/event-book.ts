// What the bot must not forget when it restarts: which thread has which session, and which events still wait for their answer.
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

export interface Entry {
  eventId: string;
  channel: string;
  threadTs: string;
  turnId: string;
  sessionId: string;
  /** The message in Slack that will become the answer. */
  placeholderTs?: string;
  isDone?: boolean;
}

export interface EventBook {
  get(eventId: string): Entry | undefined;
  sessionOf(channel: string, threadTs: string): string | undefined;
  /** On disk when it returns; ids and times only, no text. */
  write(entry: Entry): void;
  waiting(): Entry[];
}

/** Slack sends an event again for some minutes only; a thread older than this many events starts a new session. */
const ENTRIES_MAX = 20_000;

/** One JSON line for each change; the last one of an event counts. */
export function openEventBook(path: string): EventBook {
  const entries = new Map<string, Entry>();
  const sessions = new Map<string, string>();
  const take = (entry: Entry) => {
    entries.delete(entry.eventId);
    entries.set(entry.eventId, entry);
    sessions.set(`${entry.channel} ${entry.threadTs}`, entry.sessionId);
  };
  for (const entry of readLines(path)) take(entry);
  // Written anew at each start, beside the old one first: a crash in the middle loses nothing.
  const kept = [...entries.values()].slice(-ENTRIES_MAX);
  writeFileSync(`${path}.new`, kept.map((entry) => `${JSON.stringify(entry)}\n`).join(''), { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return {
    get: (eventId) => entries.get(eventId),
    sessionOf: (channel, threadTs) => sessions.get(`${channel} ${threadTs}`),
    write(entry) {
      appendFileSync(path, `${JSON.stringify(entry)}\n`, { flush: true });
      take(entry);
      const oldest = entries.size > ENTRIES_MAX ? entries.values().next().value : undefined;
      if (oldest) entries.delete(oldest.eventId);
    },
    waiting: () => [...entries.values()].filter(({ isDone }) => !isDone),
  };
}

function readLines(path: string): Entry[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return line === '' ? [] : [JSON.parse(line) as Entry];
      } catch {
        return []; // the last line of a machine that lost its power
      }
    });
}
