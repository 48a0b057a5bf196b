import type { Page } from '../contract/session.ts';
import { fetchBody } from './http-client.ts';
import type { Target } from './target.ts';

/** The server's largest page. */
const PAGE = 200;

/** The first `limit` things of a list, page by page. A page may be empty and still have a next one. */
export async function readPages<T>(
  target: Target,
  path: string,
  limit: number,
  filters: Record<string, string> = {},
): Promise<{ items: T[]; hasMore: boolean }> {
  const items: T[] = [];
  let cursor: string | null = null;
  let hasMore = limit > 0;
  while (hasMore && items.length < limit) {
    const place = { limit: String(Math.min(PAGE, limit - items.length)), ...(cursor === null ? {} : { cursor }) };
    const page: Page<T> = await fetchBody<Page<T>>(target, { path: `${path}?${new URLSearchParams({ ...filters, ...place })}` });
    items.push(...page.data);
    cursor = page.nextCursor;
    hasMore = page.hasMore && cursor !== null;
  }
  return { items, hasMore };
}
