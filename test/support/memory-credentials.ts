// Keys and sign-ins in maps, beside the memory store.
import type { Keys, Logins, StoredKey, StoredLogin, Use } from '../../src/store/credentials.ts';
import type { Store } from '../../src/store/store.ts';

export interface MemoryCredentials {
  keys: Keys;
  logins: Logins;
  keyRows: Map<string, StoredKey>;
  loginRows: Map<string, StoredLogin>;
}

export function createMemoryCredentials({ audit, now }: { audit: Store['audit']; now: () => number }): MemoryCredentials {
  const keyRows = new Map<string, StoredKey>();
  const loginRows = new Map<string, StoredLogin>();
  const used = (rows: Map<string, { lastUsedAt: number | null }>) => async (uses: readonly Use[]) => {
    for (const { id, at } of uses) {
      const row = rows.get(id);
      if (row) row.lastUsedAt = at;
    }
  };
  const page = <T>(rows: T[], { cursor, limit }: { cursor?: string; limit: number }) => {
    const start = Number(cursor ?? 0);
    const end = start + limit;
    return { items: rows.slice(start, end), nextCursor: end < rows.length ? String(end) : null };
  };
  return {
    ...{ keyRows, loginRows },
    keys: {
      async create(key, { principal, requestId }) {
        await audit({ principal, action: 'key.create', target: key.id, requestId, outcome: 'ok' });
        const row = { ...key, tenant: 'default', createdBy: principal, createdAt: now(), lastUsedAt: null, revokedAt: null };
        keyRows.set(key.id, row);
        return row;
      },
      async revoke(id, { principal, requestId }, usedAt) {
        const row = keyRows.get(id);
        if (!row || row.revokedAt !== null) return row;
        await audit({ principal, action: 'key.revoke', target: id, requestId, outcome: 'ok' });
        for (const login of loginRows.values()) if (login.principal === id) loginRows.delete(login.id);
        return Object.assign(row, { digest: null, revokedAt: now(), lastUsedAt: usedAt });
      },
      list: async (query) =>
        page(
          [...keyRows.values()].reverse().filter(({ revokedAt }) => query.revoked || revokedAt === null),
          query,
        ),
      live: async () => [...keyRows.values()].filter(({ revokedAt }) => revokedAt === null),
      used: used(keyRows),
    },
    logins: {
      async create(login, { requestId, source }) {
        const { id, principal, how } = login;
        await audit({ principal, action: 'login', target: id, requestId, outcome: 'ok', detail: { how, source } });
        const ended = [...loginRows.values()].filter((row) => row.principal === principal).slice(0, -19);
        for (const row of ended) loginRows.delete(row.id);
        const row = { ...login, tenant: 'default', createdAt: now(), lastUsedAt: now() };
        loginRows.set(id, row);
        return { login: row, ended: ended.map((each) => each.id) };
      },
      async end(id, action, { principal, requestId }) {
        if (!loginRows.has(id)) return false;
        await audit({ principal, action, target: id, requestId, outcome: 'ok' });
        return loginRows.delete(id);
      },
      list: async (query) =>
        page(
          [...loginRows.values()].reverse().filter((row) => query.principal === undefined || row.principal === query.principal),
          query,
        ),
      live: async () => [...loginRows.values()],
      used: used(loginRows),
      sweep: async () => undefined,
    },
  };
}
