import type { Agent } from '../../agent/agent.ts';
import { AppError } from '../../base/errors.ts';
import { type Ids, isId } from '../../base/ids.ts';
import type { Logger } from '../../base/log.ts';
import { ownerFor, type Principal, type Store, type StoredSession } from '../../store/store.ts';
import { type Call, type HandlersOf, json } from '../call.ts';
import { noteAct } from '../note-act.ts';
import { listQueryOf, pageOf } from '../paging.ts';
import { presentMessage, presentSession } from '../present-session.ts';

type SessionRoutes = 'createSession' | 'listSessions' | 'getSession' | 'patchSession' | 'deleteSession' | 'listMessages';

export function sessionHandlers(parts: { agent: Agent; store: Store; ids: Ids; log: Logger }): HandlersOf<SessionRoutes> {
  const { agent, store, ids } = parts;
  const currentId = async () => (await store.sessions.current())?.id;

  /** The session, if there is one and the caller may see it: "absent" and "not yours" are the same 404. */
  async function visible(call: Pick<Call, 'id' | 'principal'>): Promise<StoredSession> {
    const session = isId(call.id, 'ses') ? await store.sessions.get(call.id, ownerFor(call.principal)) : undefined;
    if (!session || !maySee(call.principal, session)) throw new AppError('not_found');
    return session;
  }

  return {
    async createSession({ principal, requestId, body }) {
      if (body.current) assertAdmin(principal);
      const session = await store.sessions.create({ ...body, id: ids.make('ses'), principal, requestId });
      return json(201, presentSession(session, body.current === true), { location: `/v1/sessions/${session.id}` });
    },
    async listSessions(call) {
      const [listed, current] = await Promise.all([store.sessions.list(listQueryOf(call)), currentId()]);
      const views = listed.items.map((session) => presentSession(session, session.id === current));
      return json(200, pageOf({ items: views, nextCursor: listed.nextCursor }));
    },
    async getSession(call) {
      const session = await visible(call);
      return json(200, presentSession(session, session.id === (await currentId())));
    },
    async patchSession(call) {
      const { principal, requestId, body } = call;
      if (body.current) assertAdmin(principal);
      const { id } = await visible(call);
      const session = await store.sessions.update(id, { principal, requestId }, body);
      return json(200, presentSession(session, id === (await currentId())));
    },
    async deleteSession(call) {
      const { id, principal, requestId } = call;
      if (!isId(id, 'ses') || !(await agent.erase(id, principal, requestId))) throw new AppError('not_found');
      return json(200, { id, erasure: 'complete' });
    },
    async listMessages(call) {
      const { id, principal: owner } = await visible(call);
      const { cursor, limit } = call.query;
      const listed = await store.messages.list(id, { limit, ...(cursor !== undefined && { cursor }) });
      const { principal, requestId } = call;
      const detail = { messages: listed.items.length };
      if (principal.id !== owner)
        await noteAct(parts, { principal: principal.id, action: 'session.read', target: id, requestId, outcome: 'ok', detail });
      return json(200, pageOf({ items: listed.items.map(presentMessage), nextCursor: listed.nextCursor }));
    },
  };
}

const maySee = (principal: Principal, session: StoredSession): boolean =>
  session.tenant === principal.tenant && (principal.role === 'admin' || session.principal === principal.id);

function assertAdmin(principal: Principal): void {
  if (principal.role !== 'admin') throw new AppError('forbidden');
}
