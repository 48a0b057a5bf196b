import type { TurnAnswer } from '../../../../src/contract/turn.ts';
import { formatCount, formatMs, formatWhen, shortId } from '../../lib/format.ts';
import { linkTo } from '../../lib/router.ts';
import { TurnChip } from '../../parts/chip.tsx';
import { reasonLabel } from './query.ts';

const HEAD = 'px-4 py-2 font-medium';
const CELL = 'px-4 py-2.5 whitespace-nowrap';

const tookMs = ({ createdAt, completedAt }: TurnAnswer): number | null =>
  completedAt === null ? null : Date.parse(completedAt) - Date.parse(createdAt);

export function TurnTable({ turns, query }: { turns: readonly TurnAnswer[]; query: Readonly<Record<string, string>> }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard.
    <section aria-label="Turns" tabIndex={0} className="relative overflow-x-auto">
      <table className="w-full text-left">
        <thead className="border-b border-line text-xs text-muted">
          <tr>
            <th className={HEAD}>Outcome</th>
            <th className={HEAD}>Accepted</th>
            <th className={`${HEAD} hidden sm:table-cell`}>Turn</th>
            <th className={`${HEAD} hidden lg:table-cell`}>Session</th>
            <th className={`${HEAD} hidden md:table-cell`}>Model</th>
            <th className={`${HEAD} text-right`}>Took</th>
            <th className={`${HEAD} hidden text-right md:table-cell`}>Tokens in → out</th>
          </tr>
        </thead>
        <tbody>
          {turns.map((turn) => (
            <TurnRow key={turn.turnId} turn={turn} query={query} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function TurnRow({ turn, query }: { turn: TurnAnswer; query: Readonly<Record<string, string>> }) {
  const { inputTokens, outputTokens } = turn.usage;
  const hasTokens = inputTokens + outputTokens > 0;
  return (
    <tr className="relative border-b border-line last:border-b-0 hover:bg-raised">
      <td className={CELL}>
        <span className="flex flex-wrap items-center gap-x-2">
          <TurnChip status={turn.status} />
          {turn.reason && <span className="text-xs text-muted">{reasonLabel(turn.reason)}</span>}
          {turn.retryOf && <span className="text-xs text-muted">answered again</span>}
        </span>
      </td>
      <td className={`${CELL} tabular`}>
        <a
          href={linkTo('turns', turn.turnId, query)}
          aria-label={`Turn ${shortId(turn.turnId)}, ${turn.status}, ${formatWhen(turn.createdAt)}`}
          className="after:absolute after:inset-0"
        >
          <time dateTime={turn.createdAt}>{formatWhen(turn.createdAt)}</time>
        </a>
      </td>
      <td className={`${CELL} hidden font-mono text-xs sm:table-cell`}>{shortId(turn.turnId)}</td>
      <td className={`${CELL} hidden font-mono text-xs text-muted lg:table-cell`}>{shortId(turn.sessionId)}</td>
      <td className={`${CELL} hidden max-w-56 truncate md:table-cell`}>{turn.model ?? <span className="text-muted">fallback</span>}</td>
      <td className={`${CELL} text-right tabular`}>{formatMs(tookMs(turn))}</td>
      <td className={`${CELL} hidden text-right tabular md:table-cell`}>
        {hasTokens ? `${formatCount(inputTokens)} → ${formatCount(outputTokens)}` : '–'}
      </td>
    </tr>
  );
}
