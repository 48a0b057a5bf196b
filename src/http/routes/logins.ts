import type { Access } from '../../access/access.ts';
import { AppError } from '../../base/errors.ts';
import { isId } from '../../base/ids.ts';
import type { LoginLink } from '../../contract/login.ts';
import type { AuthFailures } from '../auth-failures.ts';
import { type HandlersOf, json } from '../call.ts';
import type { LoginCookie } from '../cookies.ts';
import type { LoginLimits } from '../login-limits.ts';
import { assertPrivateWay } from '../login-origin.ts';
import { listQueryOf, pageOf } from '../paging.ts';
import { presentLogin, presentMe } from '../present-access.ts';
import { sourceOf } from '../request-view.ts';

export interface LoginParts {
  access: Access;
  cookie: LoginCookie;
  limits: LoginLimits;
  authFailures: AuthFailures;
  config: { trustProxy: boolean; publicUrl?: string };
}

type LoginRoutes = 'me' | 'createLoginLink' | 'login' | 'logout' | 'listLogins' | 'revokeLogin';

const wrongProof = new AppError('unauthenticated', {
  sentence: 'This link or key signs nobody in: it is wrong, used, expired or revoked. A new link: holdfast dashboard',
});
const notSignedIn = new AppError('conflict', { sentence: 'This request carries a key and no sign-in. A key ends by being revoked.' });

export function loginHandlers({ access, cookie, limits, authFailures, config }: LoginParts): HandlersOf<LoginRoutes> {
  return {
    me: ({ caller }) => json(200, presentMe(caller.credential)),

    async createLoginLink({ caller, requestId }) {
      const { text: token, expiresAt } = await access.makeLink(caller.credential, requestId);
      const fragment = `#login=${token}`;
      const url = config.publicUrl === undefined ? null : `${config.publicUrl.replace(/\/$/, '')}/ui/${fragment}`;
      return json(200, { token, fragment, url, expiresAt: new Date(expiresAt).toISOString() } satisfies LoginLink);
    },

    async login({ view, body: { token, key = '' }, requestId }) {
      assertPrivateWay(view, config.trustProxy);
      const source = sourceOf(view, config.trustProxy);
      limits.check(source);
      const from = { requestId, source };
      const signedIn = await (token === undefined ? access.signInByKey(access.byKey(key), from) : access.signInByLink(token, from));
      if (!signedIn) {
        limits.failed(source);
        authFailures.note(source, requestId);
        throw wrongProof;
      }
      const { credential, text } = signedIn;
      const leftMs = (credential.expiresAt ?? 0) - access.now();
      return json(200, presentMe(credential), { 'set-cookie': cookie.set(text, leftMs) });
    },

    async logout({ caller: { credential, carrier, principal }, requestId }) {
      if (carrier !== 'cookie') throw notSignedIn;
      const ended = await access.endLogin(credential.id, 'logout', { principal: principal.id, requestId });
      return json(200, { id: credential.id, ended }, { 'set-cookie': cookie.clear() });
    },

    async listLogins(call) {
      const { items, nextCursor } = await access.listLogins(listQueryOf(call));
      const views = items.map((login) => presentLogin(login, login.id === call.caller.credential.id));
      return json(200, pageOf({ items: views, nextCursor }));
    },

    async revokeLogin({ id, principal, requestId }) {
      const found = isId(id, 'lgn') ? access.login(id) : undefined;
      // "Absent" and "not yours" are the same.
      if (!found || (principal.role !== 'admin' && found.principal.id !== principal.id)) throw new AppError('not_found');
      const ended = await access.endLogin(id, 'login.revoke', { principal: principal.id, requestId });
      return json(200, { id, ended });
    },
  };
}
