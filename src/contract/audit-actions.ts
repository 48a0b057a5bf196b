/** What one kind of audit row says. Every row also has who acted, when, the request's id and how it ended. */
export interface AuditActionInfo {
  /** What `target` names. */
  target: string;
  /** When the row is written. */
  when: string;
  /** Values of `outcome`. */
  outcomes: string;
  /** What `detail` may hold; always ids, states, counts and digests, never text of a conversation. */
  detail?: string;
}

const ENDINGS = '`ok`';

/** Every act that leaves a row. Rows that go with a change are written in the change's own transaction. */
export const auditActions = {
  'install.create': { target: 'the agent', when: 'The data was made, on the very first start.', outcomes: ENDINGS },
  'agent.start': {
    target: 'the agent',
    when: 'The server is about to take up its work.',
    outcomes: ENDINGS,
    detail: '`version`, `environment`, `models`',
  },
  'agent.stop': { target: 'the agent', when: 'The server has drained and stops.', outcomes: ENDINGS, detail: '`left`: turns left open' },
  'session.create': { target: 'the session', when: 'A session was made, by itself or with its first message.', outcomes: ENDINGS },
  'session.update': { target: 'the session', when: 'Title, metadata or the current session was changed.', outcomes: ENDINGS },
  'session.read': {
    target: 'the session',
    when: 'Somebody read messages or replies of a session that another made: each page of its messages; its turns once, and again after ten minutes.',
    outcomes: ENDINGS,
    detail: '`messages`: how many, of a page',
  },
  'session.delete': { target: 'the session', when: 'A session was erased with its key.', outcomes: ENDINGS },
  'turn.accept': {
    target: 'the turn',
    when: 'A request to answer a message was accepted: the question is durable.',
    outcomes: ENDINGS,
    detail: '`session`, `retryOf`, `sha256` of the sealed question',
  },
  'turn.cancel': { target: 'the turn', when: 'Somebody asked an open turn to end.', outcomes: ENDINGS, detail: '`session`' },
  'turn.recover': {
    target: 'the turn',
    when: 'A turn left open by a dead process runs again.',
    outcomes: ENDINGS,
    detail: '`session`, `recoveries`',
  },
  'turn.end': {
    target: 'the turn',
    when: 'A turn reached its one end.',
    outcomes: '`completed`, `degraded`, `failed`, `cancelled`',
    detail:
      '`session`, `reason`, `model`, `attempt`, `fallback`, `inputTokens`, `outputTokens`, `modelCalls`, `toolCalls`, `sha256` of the sealed reply',
  },
  'model.call': {
    target: 'the model, `provider/model`',
    when: 'A model was called for a turn: one row an attempt, written with the step it belongs to.',
    outcomes: '`ok` or what failed, such as `rate_limited`',
    detail: '`turn`, `ms`, `inputTokens`, `outputTokens`',
  },
  'tool.call': {
    target: 'the tool',
    when: 'A tool was run for a turn, or nobody can know whether it was: `unknown`.',
    outcomes: '`ok`, `error`, `unknown`',
    detail: '`turn`, `ms`',
  },
  'agent.examine': {
    target: 'the agent',
    when: 'Somebody asked for a closer look (`status --deep`, `doctor`), which makes one small call to each configured model.',
    outcomes: ENDINGS,
    detail: '`modelCalls`',
  },
  'audit.verify': {
    target: 'the agent',
    when: 'The audit chain was verified by the server.',
    outcomes: '`ok`, `findings`',
    detail: '`rows`, `findings`',
  },
  'key.create': { target: 'the key', when: 'An API key was made.', outcomes: ENDINGS, detail: '`role`, `expiresAt`' },
  'key.revoke': { target: 'the key', when: 'An API key was revoked, and its sign-ins ended.', outcomes: ENDINGS, detail: '`role`' },
  'login.link': { target: 'the agent', when: 'An admin made a link that signs in once.', outcomes: ENDINGS },
  login: {
    target: 'the sign-in',
    when: 'Somebody signed in; the principal is whom the sign-in acts as.',
    outcomes: ENDINGS,
    detail: '`how`: `link` or `key`; `source`: where from; `ended`: how many older ones had to go',
  },
  logout: { target: 'the sign-in', when: 'Somebody signed out.', outcomes: ENDINGS },
  'login.revoke': { target: 'the sign-in', when: 'A sign-in was ended from elsewhere.', outcomes: ENDINGS },
  'auth.refuse': {
    target: 'where the request came from',
    when: 'Credentials were missing or wrong: the first refusal of a source at once, then at most one row a minute.',
    outcomes: '`unauthenticated`',
    detail: '`count`',
  },
} as const satisfies Record<string, AuditActionInfo>;

export type AuditAction = keyof typeof auditActions;
