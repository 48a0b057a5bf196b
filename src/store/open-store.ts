// Opens a store over a database: its keys, its identity, its parts. Nothing is written when the key is wrong.
import type { KeyObject } from 'node:crypto';
import { randomBytes } from 'node:crypto';
import { type Clock, steadyClock, type Timer } from '../base/clock.ts';
import type { Ids } from '../base/ids.ts';
import type { Logger } from '../base/log.ts';
import { open, seal } from '../crypto/envelope.ts';
import { createKeyring } from '../crypto/keyring.ts';
import { createAcceptUnits } from './accept-units.ts';
import { type Audit, createAudit, newestAt } from './audit.ts';
import { WRITER_KEY } from './audit-chain.ts';
import { listAudit } from './audit-list.ts';
import type { Database, Statement } from './database.ts';
import { examine } from './examine-store.ts';
import { createHistory } from './history.ts';
import { createIdempotency } from './idempotency.ts';
import { AGENT_KEY, findIdentity, type Identity, INSTALL_KEY } from './identity.ts';
import { insertKeyringRow } from './keyring-rows.ts';
import { createKeys } from './keys.ts';
import { createLeases } from './leases.ts';
import { createLogins } from './logins.ts';
import { createMessages } from './messages.ts';
import { createMinutes } from './minutes.ts';
import type { Sealer } from './sealer.ts';
import { createSeals } from './seals.ts';
import { createSessionKeys } from './session-keys.ts';
import { createSessionRows } from './session-rows.ts';
import { createSessions } from './sessions.ts';
import type { Store } from './store.ts';
import { acceptedOf, createTally } from './tally.ts';
import { createTurnRows } from './turn-rows.ts';
import { createTurnSteps } from './turn-steps.ts';
import { createTurnUnits } from './turn-units.ts';
import { createTurns } from './turns.ts';
import { verifyAudit } from './verify-audit.ts';

const SET_META = 'INSERT INTO meta (key, value) VALUES (?, ?)';
/** How often caches are pruned and the audit head is logged; a tenth as often, old keys are swept. */
const CARE_EVERY_MS = 60_000;
const SWEEP_EVERY = 10;
export const DEFAULT_TENANT = 'default';

export interface StoreParts {
  database: Database;
  /** 32 bytes, kept outside the data. */
  masterKey: KeyObject;
  clock: Clock;
  ids: Ids;
  log: Logger;
  tenant?: string;
  random?: (bytes: number) => Buffer;
  /** Tests hand in one that shows what would be written. */
  sealer?: Sealer | undefined;
}

/** Migrates the database, then opens or creates its keyring. Throws ConfigError for a wrong master key or a newer schema, with nothing written. */
export async function openStore(parts: StoreParts): Promise<Store> {
  const { database: db, clock, log, ids, random = randomBytes, sealer = { seal, open }, tenant = DEFAULT_TENANT } = parts;
  await db.migrate(async () => void (await findIdentity(parts, tenant)));
  const identity = (await findIdentity(parts, tenant)) ?? (await createIdentity(parts, tenant));
  const { keyring, agentId, install } = identity;
  const holder = random(16).toString('hex');

  const seals = createSeals({ sealer, install, log });
  const audit = createAudit({ db, clock });
  // Before the first write, health is to know whether there can be one.
  await audit.head().catch((error: unknown) => log.error('audit.damaged', { error }));
  const keys = createSessionKeys({ db, keyring, clock, log });
  const history = createHistory({ clock });
  const leases = createLeases({ db, keys, clock, holder, onDrop: (id) => history.forget(id) });
  const tally = createTally(db);
  const idempotency = createIdempotency({ db, keyring, clock: steadyClock(clock) });
  const { messages, rows: messageRows } = createMessages({ db, clock, ids, log, seals, keys, leases, history });
  const sessionRows = createSessionRows({ db, log, seals, keys, keyring });
  const steps = createTurnSteps({ db, seals, keys });
  const units = createTurnUnits({ clock, audit, leases, messages: messageRows, steps });
  const accepting = createAcceptUnits({ clock, holder, audit, seals, leases, messages: messageRows, sessions: sessionRows, idempotency });
  const turnRows = createTurnRows({ db, log, seals, keys, leases });
  const turns = createTurns({ accepting, units, rows: turnRows, steps, messages: messageRows, idempotency, keys, leases, history, tally });
  const sessions = createSessions({ db, clock, audit, keys, rows: sessionRows, leases, history, tally, holder });

  const credentials = { db, log, seals, audit, tenant, clock: steadyClock(clock), tenantKey: keyring.tenantKey };
  const logins = createLogins(credentials);

  const care = startCare({ clock, log, audit, prune: [keys, leases, history], sweep: [idempotency, logins] });
  return {
    agentId,
    install,
    keys: createKeys(credentials),
    logins,
    turns,
    sessions,
    messages,
    minutes: createMinutes(db, log),
    auditHead: () => audit.head(),
    auditTrail: (query) => listAudit(db, query),
    verifyAudit: (heads) => verifyAudit((sql, values) => db.read(sql, values), heads),
    examine: (budgetMs) => examine({ db, clock, keyring, install, sealer }, budgetMs),
    newestAt: () => newestAt(db),
    audit: (act) => db.write({ statements: [], audit: [audit.entry(tenant, act)] }),
    async counts() {
      const { sessions: count, messages: stored, byStatus } = await tally.counts();
      return { sessions: count, messages: stored, turns: acceptedOf(byStatus) };
    },
    health() {
      const health = db.health();
      return health.writable && audit.damaged() ? { ...health, writable: false, reason: 'audit chain damaged' } : health;
    },
    async close() {
      await care.stop();
      await db.close();
    },
  };
}

async function createIdentity({ database: db, masterKey, clock, ids, random }: StoreParts, tenant: string): Promise<Identity> {
  const fresh = random ?? randomBytes;
  const install = fresh(16).toString('hex');
  const agentId = ids.make('agt');
  const { keyring, rows } = createKeyring({ kek: masterKey, tenant, install, now: () => clock.now(), ...(random ? { random } : {}) });
  const facts = [
    [INSTALL_KEY, install],
    [AGENT_KEY, agentId],
    [WRITER_KEY, fresh(16).toString('hex')],
  ];
  const act = { principal: 'system', action: 'install.create' as const, target: agentId, requestId: '', outcome: 'ok' };
  await db.write({
    statements: [
      ...facts.map((values): Statement => ({ sql: SET_META, values, changes: 1, guard: 'install' })),
      ...rows.map((row) => insertKeyringRow(row)),
    ],
    audit: [createAudit({ db, clock }).entry(tenant, act)],
  });
  return { keyring, agentId, install };
}

interface Care {
  clock: Clock;
  log: Logger;
  audit: Audit;
  prune: readonly { prune(): void }[];
  sweep: readonly { sweep(): Promise<void> }[];
}

/** Everything done by the minute. The audit head in the log is what shows a cut tail or a database put back. */
function startCare({ clock, log, audit, prune, sweep }: Care): { stop(): Promise<void> } {
  let timer: Timer | undefined;
  let underWay: Promise<void> = Promise.resolve();
  let stopped = false;
  let logged = -1;
  let round = 0;

  async function care(): Promise<void> {
    for (const each of prune) each.prune();
    const head = await audit.head();
    if (head && head.seq !== logged) log.info('audit.head', head);
    logged = head?.seq ?? -1;
    if (round % SWEEP_EVERY === 0) for (const each of sweep) await each.sweep();
    round += 1;
  }
  function plan(): void {
    timer = clock.after(CARE_EVERY_MS, () => {
      underWay = care()
        .catch((error: unknown) => log.warn('store.care_failed', { error }))
        .then(() => (stopped ? undefined : plan()));
    });
  }

  plan();
  return {
    stop() {
      stopped = true;
      timer?.cancel();
      return underWay;
    },
  };
}
