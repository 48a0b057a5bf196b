// The life of turns in the data: accepted, asked, told, committed; each a unit that is durable or did not happen.
import { AppError } from '../base/errors.ts';
import { joinSteps, partsText } from '../contract/message.ts';
import type { AcceptUnits } from './accept-units.ts';
import { UnitRefused } from './database.ts';
import type { History } from './history.ts';
import { IDEMPOTENCY_GUARD, type Idempotency, type UsedKey } from './idempotency.ts';
import type { Lease, Leases } from './leases.ts';
import type { OpenedMessage } from './message-records.ts';
import type { MessageRows } from './messages.ts';
import type { SessionKeys } from './session-keys.ts';
import { type Accepted, type AcceptInput, type CommitInput, SLOT, type StoredStep, type StoredTurn, type Turns } from './store.ts';
import { acceptedOf, type Tally } from './tally.ts';
import type { TurnRow, TurnRows } from './turn-rows.ts';
import { TOLD_GUARD, type TurnSteps } from './turn-steps.ts';
import { type Built, type BuiltTurn, OPEN_GUARD, type TurnUnits } from './turn-units.ts';

export interface TurnsParts {
  accepting: AcceptUnits;
  units: TurnUnits;
  rows: TurnRows;
  steps: TurnSteps;
  messages: MessageRows;
  idempotency: Idempotency;
  keys: SessionKeys;
  leases: Leases;
  history: History;
  tally: Tally;
}

/** Writes a unit of a turn under way, and what it says to memory. */
type WriteUnit = <T extends Built>(turn: StoredTurn, build: (lease: Lease) => T) => Promise<T>;

export function createTurns(parts: TurnsParts): Turns {
  const { units, rows, steps, messages, idempotency, leases, history, tally } = parts;
  /** Turns with a ledger of tools in the data, as far as this process wrote it. */
  const ledgers = new Set<string>();

  const write: WriteUnit = async (turn, build) => {
    let built: ReturnType<typeof build> | undefined;
    const lease = await leases
      .write(turn.sessionId, { take: false, anchor: turn.anchor }, (held) => {
        built = build(held);
        return built.unit;
      })
      .catch((error: unknown) => {
        throw meaningOf(error);
      });
    if (!built) throw new AppError('internal');
    history.append(lease.sessionId, lease.epoch, built.said);
    return built;
  };

  const ofTurn = (turn: StoredTurn) => messages.ofTurn(turn, { from: turn.anchor * SLOT, to: (turn.anchor + 1) * SLOT });

  return {
    accept: createAccept(parts),
    known: (principal, given) => idempotency.find(idempotency.used(principal.id, given)),
    async asked(input) {
      ledgers.add(input.turn.id);
      await write(input.turn, (lease) => units.asked(lease, input));
      tally.running(input.turn.id);
      tally.messages(1);
    },
    async told(input) {
      await write(input.turn, (lease) => units.told(lease, input));
      tally.messages(1);
    },
    commit: createCommit(parts, write, ledgers),
    async reopen(turn) {
      try {
        await leases.write(turn.sessionId, { take: true }, (lease) => units.reopen(lease, turn).unit);
      } catch (error) {
        // The session was erased meanwhile.
        throw error instanceof AppError && error.code === 'not_found' ? new AppError('conflict', { cause: error }) : meaningOf(error);
      }
      if (turn.status === 'running') tally.recovered(turn.id);
      return { ...turn, recoveries: turn.recoveries + 1, attempt: turn.attempt + 1 };
    },
    async get(id, owner) {
      const turn = await rows.get(id, owner);
      return turn && plain(turn);
    },
    steps: async (turn) => durableSteps((await ofTurn(turn)).messages),
    async trace(turn) {
      const [times, found] = await Promise.all([rows.times(turn.id), steps.read(turn)]);
      return { ...times, steps: found };
    },
    open: async () => (await rows.open()).map(plain),
    list: (query) => rows.list(query),
    async texts(turn) {
      const [said, row] = await Promise.all([ofTurn(turn), rows.get(turn.id)]);
      if (said.damaged > 0) throw new AppError('internal', { sentence: 'The stored reply of this turn is damaged.' });
      return textsOf(turn, said.messages, row?.incomplete ?? false);
    },
    async counts() {
      const { byStatus } = await tally.counts();
      return { accepted: acceptedOf(byStatus), byStatus };
    },
  };
}

/** The answer as readers had it: the text of every step, then our own sentence. */
function textsOf(turn: StoredTurn, said: OpenedMessage[], incomplete: boolean): Awaited<ReturnType<Turns['texts']>> {
  const reply = joinSteps(said.filter(({ role }) => role === 'assistant').map((message) => partsText(message.parts)));
  const fallback = said.find(({ role }) => role === 'fallback');
  return {
    reply: reply === '' && turn.status !== 'completed' ? null : reply,
    incomplete,
    fallback: fallback ? partsText(fallback.parts) : null,
  };
}

function createCommit({ units, rows, tally }: TurnsParts, write: WriteUnit, ledgers: Set<string>): Turns['commit'] {
  /** Commits that failed without saying whether they are durable; at most one per open turn. */
  const doubtful = new Set<string>();

  async function afterRefusal({ turn: { id }, status }: CommitInput): Promise<StoredTurn | undefined> {
    const ended = doubtful.has(id) ? await rows.get(id) : undefined;
    return ended?.status === status ? plain(ended) : undefined;
  }

  return async (input) => {
    const { id, recoveries, status } = input.turn;
    const ledger = recoveries > 0 || status === 'running' || ledgers.has(id);
    try {
      const { turn, messages: added } = await write(input.turn, (lease) => units.commit(lease, input, ledger));
      tally.ended(id, input.status, added);
      ledgers.delete(id);
      doubtful.delete(id);
      return turn;
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'conflict') {
        doubtful.add(id);
        tally.doubt();
        throw error;
      }
      // The try before this one may have been durable after all, though nobody could say so then.
      const ended = await afterRefusal(input);
      ledgers.delete(id);
      doubtful.delete(id);
      if (ended) return ended;
      throw error;
    }
  };
}

/** Guards of a turn that say "not yours to write any more" are the interface's `conflict`. */
function meaningOf(error: unknown): unknown {
  if (!(error instanceof UnitRefused)) return error;
  if (error.guard === OPEN_GUARD) return new AppError('conflict', { sentence: 'This turn has ended already.', cause: error });
  // Outcomes of a step that never became durable: the turn must look again at what is.
  if (error.guard === TOLD_GUARD) return new AppError('storage_unavailable', { cause: error });
  return new AppError('conflict', { cause: error });
}

function createAccept({ accepting, idempotency, keys, leases, history, tally }: TurnsParts): Turns['accept'] {
  const find = async (key: UsedKey): Promise<Accepted | undefined> => {
    const known = await idempotency.find(key);
    return known && { kind: 'known', ...known };
  };

  async function acceptNew(input: AcceptInput, key: UsedKey | undefined): Promise<BuiltTurn> {
    const { id: sessionId } = input.session;
    const made = keys.make(sessionId);
    const { tenant, id: principal } = input.principal;
    const lease = leases.fresh({ sessionId, tenant, principal, key: made.key });
    const built = accepting.acceptNew(lease, input, { sessionKey: made.statement, ...(key ? { key } : {}) });
    await leases.writeFirst(lease, built.unit);
    leases.adopt(lease);
    history.begin(sessionId, lease.epoch, built.said);
    return built;
  }

  async function acceptNext(input: AcceptInput, key: UsedKey | undefined): Promise<BuiltTurn> {
    let built: BuiltTurn | undefined;
    const { principal, session } = input;
    const lease = await leases.write(session.id, { take: true }, (held) => {
      // "Absent" and "not yours" look the same.
      if (held.tenant !== principal.tenant || (principal.role === 'client' && held.principal !== principal.id))
        throw new AppError('not_found');
      built = accepting.accept(held, input, key);
      return built.unit;
    });
    if (!built) throw new AppError('internal');
    history.append(lease.sessionId, lease.epoch, built.said);
    return built;
  }

  return async (input) => {
    const key = input.idempotency && idempotency.used(input.principal.id, input.idempotency);
    const known = key && (await find(key));
    if (known) return known;
    const isNew = input.session.create !== undefined;
    try {
      const { turn, messages } = await (isNew ? acceptNew(input, key) : acceptNext(input, key));
      tally.created({ session: isNew, turn: true, messages });
      return { kind: 'accepted', turn };
    } catch (error) {
      if (error instanceof UnitRefused && error.guard === IDEMPOTENCY_GUARD && key) {
        const winner = await find(key);
        if (winner) return winner;
      }
      if (error instanceof UnitRefused) throw new AppError('conflict', { cause: error });
      if (error instanceof AppError && error.code === 'storage_unavailable') tally.doubt();
      throw error;
    }
  };
}

/** Asked and told, paired by step. Outcomes that do not open count as told: the tools did run. */
function durableSteps(messages: OpenedMessage[]): StoredStep[] {
  const found = new Map<number, StoredStep>();
  for (const { step, role, parts } of messages) {
    if (step === null) continue;
    if (role === 'assistant') found.set(step, { step, parts });
    const asked = found.get(step);
    if (role === 'tool' && asked) asked.results = parts.filter((part) => part.type === 'result');
  }
  return [...found.values()];
}

function plain({ incomplete: _, ...turn }: TurnRow): StoredTurn {
  return turn;
}
