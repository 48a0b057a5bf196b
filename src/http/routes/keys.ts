import type { Access } from '../../access/access.ts';
import { AppError } from '../../base/errors.ts';
import { isId } from '../../base/ids.ts';
import { type CreatedKey, KEY_EXPIRY_YEARS_MAX } from '../../contract/key.ts';
import { type HandlersOf, json } from '../call.ts';
import { pageOf } from '../paging.ts';
import { presentKey } from '../present-access.ts';

const EXPIRY_MS_MAX = KEY_EXPIRY_YEARS_MAX * 366 * 24 * 60 * 60 * 1000;

export function keyHandlers({ access }: { access: Access }): HandlersOf<'createKey' | 'listKeys' | 'revokeKey'> {
  return {
    async createKey({ body: { name, role, expiresAt: until }, principal, requestId }) {
      const expiresAt = until === undefined ? null : futureOf(until, access.now());
      const { key, text } = await access.createKey({ name, role, expiresAt }, { principal: principal.id, requestId });
      const created: CreatedKey = { ...presentKey(key, access.now()), key: text };
      return json(201, created, { location: `/v1/keys/${key.id}` });
    },
    async listKeys({ query: { limit, cursor, revoked } }) {
      const { items, nextCursor } = await access.listKeys({ limit, revoked: revoked === 'true', ...(cursor !== undefined && { cursor }) });
      const now = access.now();
      return json(200, pageOf({ items: items.map((key) => presentKey(key, now)), nextCursor }));
    },
    async revokeKey({ id, principal, requestId }) {
      const key = isId(id, 'key') ? await access.revokeKey(id, { principal: principal.id, requestId }) : undefined;
      if (!key) throw new AppError('not_found');
      return json(200, presentKey(key, access.now()));
    },
  };
}

function futureOf(text: string, now: number): number {
  const at = Date.parse(text);
  if (at > now && at <= now + EXPIRY_MS_MAX) return at;
  const errors = [{ path: 'expiresAt', message: `must lie ahead, and at most ${KEY_EXPIRY_YEARS_MAX} years` }];
  throw new AppError('invalid_request', { status: 422, errors });
}
