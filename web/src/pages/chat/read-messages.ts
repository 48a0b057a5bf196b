// All messages of a session, page by page. The API gives them oldest first.
import type { MessageView } from '../../../../src/contract/message.ts';
import { api } from '../../lib/api.ts';

const PAGE = 200;
/** 100,000 messages; beyond, what a session holds is read with the API. */
const PAGES_MAX = 500;

export interface MessagePage {
  cursor: string | undefined;
  data: readonly MessageView[];
}

/** What is `known` before the page that holds `turnId` is kept; without one everything is read. */
export async function readMessages(sessionId: string, known: readonly MessagePage[] = [], turnId?: string): Promise<MessagePage[]> {
  const holds = known.findIndex((page) => page.data.some((message) => message.turnId === turnId));
  const from = Math.max(0, holds === -1 ? known.length - 1 : holds);
  const pages: MessagePage[] = known.slice(0, from);
  let cursor = known[from]?.cursor;
  while (pages.length < PAGES_MAX) {
    const page = await api.listMessages({ id: sessionId, query: { limit: PAGE, ...(cursor !== undefined && { cursor }) } });
    pages.push({ cursor, data: page.data });
    if (page.nextCursor === null) break;
    cursor = page.nextCursor;
  }
  return pages;
}
