import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef } from 'react';
import type { LogLineView } from '../../../../src/contract/logs.ts';
import { type LogRow, saysOf } from './log-rows.ts';

const ROW_PX = 28;
const NEAR_END_PX = 40;
const LEVEL_LOOKS: Record<string, string> = { error: 'text-bad', warn: 'text-warn', info: 'text-accent', debug: 'text-muted' };

interface LogListProps {
  rows: readonly LogRow[];
  isFollowing: boolean;
  onFollow(isFollowing: boolean): void;
  onOpen(line: LogLineView): void;
}

/** Only what can be seen is drawn. Scrolling up stops following, scrolling to the end follows again. */
export function LogList({ rows, isFollowing, onFollow, onOpen }: LogListProps) {
  const box = useRef<HTMLDivElement>(null);
  // Our own scrolling is not the reader's.
  const isOurs = useRef(false);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => rows[index]?.key ?? index,
    overscan: 20,
    useFlushSync: false,
  });
  const newest = rows.at(-1)?.key;
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever another line is the newest.
  useEffect(() => {
    const element = box.current;
    if (!element || !isFollowing) return;
    isOurs.current = true;
    element.scrollTop = element.scrollHeight;
  }, [newest, isFollowing]);
  const onScroll = () => {
    const element = box.current;
    if (!element) return;
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END_PX;
    if (isOurs.current) {
      isOurs.current = false;
      return;
    }
    if (isAtEnd !== isFollowing) onFollow(isAtEnd);
  };
  return (
    <div ref={box} onScroll={onScroll} className="relative min-h-0 grow overflow-y-auto overscroll-contain">
      <ul style={{ height: virtual.getTotalSize() }} className="relative w-full">
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          return (
            <li
              key={item.key}
              style={{ transform: `translateY(${item.start}px)`, height: ROW_PX }}
              className="absolute inset-x-0 top-0 border-b border-line/60"
            >
              {row?.line ? <LineRow line={row.line} onOpen={onOpen} /> : <GapRow />}
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function LineRow({ line, onOpen }: { line: LogLineView; onOpen(line: LogLineView): void }) {
  return (
    <button
      type="button"
      onClick={() => onOpen(line)}
      className="flex h-full w-full items-center gap-3 px-3 text-left font-mono text-xs whitespace-nowrap -outline-offset-2 hover:bg-raised"
    >
      <span className="shrink-0 text-muted tabular">
        <span className="hidden lg:inline">{line.time.slice(0, 10)} </span>
        {line.time.slice(11, 23)}
      </span>
      <span className={`w-10 shrink-0 font-semibold ${LEVEL_LOOKS[line.level] ?? ''}`}>{line.level}</span>
      <span className="max-w-52 shrink-0 truncate sm:w-36 lg:w-44">{line.event}</span>
      <span className="hidden min-w-0 truncate text-muted sm:block">{saysOf(line)}</span>
    </button>
  );
}

const GapRow = () => (
  <p className="flex h-full items-center truncate bg-warn-soft px-3 text-xs text-warn">
    Lines are missing here: they were rotated away before they could be shown.
  </p>
);
