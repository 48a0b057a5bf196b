// A store that keeps everything in maps: the interface's simplest implementation, for tests of the floors above that need no disk.
import { AppError } from '../../src/base/errors.ts';
import type { Ids } from '../../src/base/ids.ts';
import { isTerminal } from '../../src/contract/turn.ts';
import type { StoredMinute } from '../../src/store/minutes.ts';
import type { Listed, ListQuery, Principal, Store, StoredMessage, StoredSession, StoredTurn } from '../../src/store/store.ts';
import { createMemoryCredentials, type MemoryCredentials } from './memory-credentials.ts';

export interface MemoryStore extends Store, Omit<MemoryCredentials, 'keys' | 'logins'> {
  readonly sessionRows: Map<string, StoredSession>;
  readonly turnRows: Map<string, StoredTurn>;
  readonly messageRows: StoredMessage[];
  readonly auditRows: Parameters<Store['audit']>[0][];
  /** What `health` says; change it to play a full disk. */
  readonly condition: { writable: boolean; reason?: string; queued: number; walBytes: number };
  setCurrent(id: string): void;
}

export function createMemoryStore({ ids, now = Date.now }: { ids: Ids; now?: () => number }): MemoryStore {
  const sessionRows = new Map<string, StoredSession>();
  const turnRows = new Map<string, StoredTurn>();
  const messageRows: StoredMessage[] = [];
  const auditRows: MemoryStore['auditRows'] = [];
  const minuteRows: StoredMinute[] = [];
  const condition: MemoryStore['condition'] = { writable: true, queued: 0, walBytes: 0 };
  let current: string | undefined;

  const assertWritable = () => {
    if (!condition.writable) throw new AppError('storage_unavailable');
  };
  const session = (id: string): StoredSession => {
    const row = sessionRows.get(id);
    if (!row) throw new AppError('not_found');
    return row;
  };
  const audit: Store['audit'] = async (act) => {
    assertWritable();
    auditRows.push(act);
  };
  const notHere = () => Promise.reject(new AppError('internal'));

  return {
    agentId: ids.make('agt'),
    install: '0123456789abcdef0123456789abcdef',
    ...createMemoryCredentials({ audit, now }),
    ...{ sessionRows, turnRows, messageRows, auditRows, condition, audit },
    setCurrent(id) {
      current = id;
    },
    sessions: {
      async create({ id, principal, title = null, user = null, metadata = {}, current: makeCurrent }) {
        assertWritable();
        const at = now();
        const row: StoredSession = {
          ...ownerOf(principal),
          id,
          title,
          user,
          metadata,
          messageCount: 0,
          turnCount: 0,
          createdAt: at,
          updatedAt: at,
        };
        sessionRows.set(id, row);
        if (makeCurrent) current = id;
        return row;
      },
      get: async (id) => sessionRows.get(id),
      list: async (query) => page([...sessionRows.values()].reverse(), query),
      async update(id, _by, { title, metadata, current: makeCurrent }) {
        assertWritable();
        const row = session(id);
        if (title !== undefined) row.title = title;
        if (metadata !== undefined) row.metadata = metadata;
        if (makeCurrent) current = id;
        return row;
      },
      async erase(id) {
        assertWritable();
        sessionRows.delete(id);
      },
      current: async () => (current === undefined ? undefined : sessionRows.get(current)),
    },
    turns: {
      get: async (id) => turnRows.get(id),
      list: async (query) =>
        page(
          [...turnRows.values()]
            .reverse()
            .filter(
              (turn) =>
                (!query.sessionId || turn.sessionId === query.sessionId) &&
                (!query.status || turn.status === query.status) &&
                (!query.open || !isTerminal(turn.status)),
            ),
          query,
        ),
      ...{ accept: notHere, known: notHere, asked: notHere, told: notHere, commit: notHere, reopen: notHere },
      ...{ steps: notHere, trace: notHere, open: notHere, texts: notHere, counts: notHere },
    },
    messages: {
      history: notHere,
      list: async (sessionId, query) =>
        page(
          messageRows.filter((row) => row.sessionId === sessionId),
          query,
        ),
    },
    auditHead: async () => (auditRows.length === 0 ? undefined : { seq: auditRows.length, hash: '00' }),
    minutes: {
      async append(minute) {
        assertWritable();
        minuteRows.push(minute);
      },
      async *pages(from, until) {
        yield minuteRows.filter(({ at }) => at >= from && at < until);
      },
    },
    auditTrail: async ({ cursor, limit }) =>
      page(auditRows.map((act, at) => ({ ...memoryRow(act), seq: at + 1 })).reverse(), { limit, ...(cursor !== undefined && { cursor }) }),
    verifyAudit: async () => ({ ok: true, rows: auditRows.length, head: null, findings: [], findingsTotal: 0, undetectable: [] }),
    examine: async () => [],
    newestAt: async () => undefined,
    counts: async () => ({ sessions: sessionRows.size, turns: turnRows.size, messages: messageRows.length }),
    health: () => ({ ...condition }),
    close: async () => undefined,
  };
}

const memoryRow = ({ detail, ...act }: Parameters<Store['audit']>[0]) => ({
  ...{ ...act, writer: 'memory', at: 0, hash: '00' },
  detail: detail ? JSON.stringify(detail) : '',
});

const ownerOf = ({ id, tenant }: Principal) => ({ principal: id, tenant });

/** Cursors are offsets here; a real store's are opaque. */
function page<T extends object>(rows: T[], { principal, cursor, limit }: ListQuery): Listed<T> {
  const mine = principal === undefined ? rows : rows.filter((row) => 'principal' in row && row.principal === principal);
  const start = Number(cursor ?? 0);
  if (!Number.isSafeInteger(start) || start < 0) throw new AppError('invalid_request');
  const end = start + limit;
  return { items: mine.slice(start, end), nextCursor: end < mine.length ? String(end) : null };
}
