import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef } from 'react';
import type { SessionView } from '../../../../src/contract/session.ts';
import { formatCount, formatWhen, shortId } from '../../lib/format.ts';
import { linkTo } from '../../lib/router.ts';
import { Chip } from '../../parts/chip.tsx';
import { titleOf } from './use-sessions.ts';

const ROW_PX = 44;
const NEAR_END_ROWS = 20;

interface SessionTableProps {
  sessions: readonly SessionView[];
  query: Readonly<Record<string, string>>;
  readOn(): void;
}

/** A table of which only the rows in sight are there; two empty rows hold the place of the others. */
export function SessionTable({ sessions, query, readOn }: SessionTableProps) {
  const box = useRef<HTMLElement>(null);
  const virtual = useVirtualizer({
    count: sessions.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
    useFlushSync: false,
  });
  const items = virtual.getVirtualItems();
  const before = items[0]?.start ?? 0;
  const after = virtual.getTotalSize() - (items.at(-1)?.end ?? 0);
  const isNearEnd = (items.at(-1)?.index ?? 0) >= sessions.length - NEAR_END_ROWS;
  useEffect(() => {
    if (isNearEnd) readOn();
  }, [isNearEnd, readOn]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it.
    <section ref={box} aria-label="Sessions" tabIndex={0} className="relative min-h-0 grow overflow-auto -outline-offset-2">
      <table className="w-full table-fixed text-left" aria-rowcount={sessions.length + 1}>
        <thead className="sticky top-0 z-10 bg-panel text-xs text-muted shadow-[0_1px_0_var(--line)]">
          <tr>
            <th scope="col" className="px-4 py-2 font-medium">
              Session
            </th>
            <th scope="col" className="hidden w-36 px-3 py-2 font-medium md:table-cell">
              User
            </th>
            <th scope="col" className="hidden w-24 px-3 py-2 text-right font-medium lg:table-cell">
              Messages
            </th>
            <th scope="col" className="hidden w-20 px-3 py-2 text-right font-medium lg:table-cell">
              Turns
            </th>
            <th scope="col" className="w-36 px-4 py-2 text-right font-medium">
              Last change
            </th>
          </tr>
        </thead>
        <tbody>
          <Gap height={before} />
          {items.map(({ index }) => {
            const session = sessions[index];
            return session && <Row key={session.id} session={session} index={index} query={query} />;
          })}
          <Gap height={after} />
        </tbody>
      </table>
    </section>
  );
}

const Gap = ({ height }: { height: number }) =>
  height > 0 && (
    <tr aria-hidden style={{ height }}>
      <td className="p-0" />
    </tr>
  );

function Row({ session, index, query }: { session: SessionView; index: number; query: Readonly<Record<string, string>> }) {
  return (
    <tr style={{ height: ROW_PX }} aria-rowindex={index + 2} className="relative border-b border-line hover:bg-raised">
      <td className="px-4">
        <span className="flex min-w-0 items-center gap-2">
          {/* The whole row leads there. */}
          <a
            href={linkTo('sessions', session.id, query)}
            className={`truncate font-medium after:absolute after:inset-0 ${session.title === null ? 'text-muted' : ''}`}
          >
            {titleOf(session)}
          </a>
          {session.current && <Chip tone="accent">current</Chip>}
          <span className="ml-auto hidden font-mono text-xs text-muted xl:inline">{shortId(session.id)}</span>
        </span>
      </td>
      <td className="hidden truncate px-3 text-muted md:table-cell">{session.user ?? '–'}</td>
      <td className="hidden px-3 text-right tabular lg:table-cell">{formatCount(session.messageCount)}</td>
      <td className="hidden px-3 text-right tabular lg:table-cell">{formatCount(session.turnCount)}</td>
      <td className="px-4 text-right text-xs whitespace-nowrap text-muted tabular">{formatWhen(session.updatedAt)}</td>
    </tr>
  );
}
