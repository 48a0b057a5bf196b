import { type Json, type MessageView, partsText } from '../contract/message.ts';
import type { SessionView } from '../contract/session.ts';
import type { StoredMessage, StoredSession } from '../store/store.ts';

const iso = (ms: number): string => new Date(ms).toISOString();

export function presentSession(session: StoredSession, current: boolean): SessionView {
  const { id, title, user, messageCount, turnCount } = session;
  // Metadata was JSON when it came in, and is stored as JSON.
  const metadata = session.metadata as Record<string, Json>;
  const [createdAt, updatedAt] = [iso(session.createdAt), iso(session.updatedAt)];
  return { id, title, user, metadata, messageCount, turnCount, current, createdAt, updatedAt };
}

export function presentMessage(message: StoredMessage): MessageView {
  const { id, sessionId, turnId, seq, role, parts } = message;
  return {
    id,
    sessionId,
    turnId,
    seq,
    role,
    parts,
    text: partsText(parts),
    ...(message.incomplete && { incomplete: true }),
    ...(message.model !== null && { model: message.model }),
    createdAt: iso(message.createdAt),
  };
}
