import type { Page } from '../contract/session.ts';
import type { Listed, ListQuery } from '../store/store.ts';
import type { Call } from './call.ts';

/** Admins list everything, everyone else what they made. */
export function listQueryOf(call: Call<unknown, { cursor?: string | undefined; limit: number }>): ListQuery {
  const { principal, query } = call;
  return {
    limit: query.limit,
    ...(query.cursor !== undefined && { cursor: query.cursor }),
    ...(principal.role !== 'admin' && { principal: principal.id }),
  };
}

export const pageOf = <T>({ items, nextCursor }: Listed<T>): Page<T> => ({ data: items, nextCursor, hasMore: nextCursor !== null });
