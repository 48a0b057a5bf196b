import { Pause, Play } from 'lucide-react';
import { useState } from 'react';
import type { LogLineView } from '../../../../src/contract/logs.ts';
import { formatCount } from '../../lib/format.ts';
import { usePlace } from '../../lib/router.ts';
import { Button } from '../../parts/button.tsx';
import { Chip } from '../../parts/chip.tsx';
import { Empty } from '../../parts/empty.tsx';
import { Failure } from '../../parts/failure.tsx';
import { Page } from '../../parts/page.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Skeleton } from '../../parts/skeleton.tsx';
import { LogDetail } from './log-detail.tsx';
import { LogFilterBar } from './log-filters.tsx';
import { LogList } from './log-list.tsx';
import type { LogRows } from './log-rows.ts';
import { type LogFilters, type LogTail, useLogTail } from './use-log-tail.ts';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

function filtersOf(query: Readonly<Record<string, string>>): LogFilters {
  const { text, sessionId, turnId, requestId, event } = query;
  return { level: LEVELS.find((level) => level === query.level), text, sessionId, turnId, requestId, event };
}

export function Logs() {
  const { query } = usePlace();
  const filters = filtersOf(query);
  const tail = useLogTail(filters);
  /** What was there when following stopped; it stays as it is while one reads. */
  const [frozen, setFrozen] = useState<LogRows>();
  const [opened, setOpened] = useState<LogLineView>();
  const isFollowing = frozen === undefined;
  const shown = frozen ?? tail;
  const follow = (on: boolean) => setFrozen(on ? undefined : { rows: tail.rows, total: tail.total, left: tail.left });
  const [wanted, setWanted] = useState(JSON.stringify(filters));
  if (wanted !== JSON.stringify(filters)) {
    setWanted(JSON.stringify(filters));
    setFrozen(undefined);
  }
  return (
    <div className="h-full pb-16 md:pb-0">
      <Page
        title="Logs"
        about="The agent's log as it is written. It holds no text of a conversation."
        fills
        aside={
          <Button onClick={() => follow(!isFollowing)}>
            {isFollowing ? <Pause aria-hidden className="size-4" /> : <Play aria-hidden className="size-4" />}
            {isFollowing ? 'Pause' : 'Follow'}
          </Button>
        }
      >
        <LogFilterBar filters={filters} />
        {tail.refused !== undefined && <Failure error={tail.refused} retry={tail.again} />}
        <Panel className="flex min-h-0 grow flex-col overflow-hidden">
          {shown.rows.length > 0 ? (
            <LogList rows={shown.rows} isFollowing={isFollowing} onFollow={follow} onOpen={setOpened} />
          ) : (
            <NoLines tail={tail} />
          )}
          <Foot tail={tail} shown={shown} follow={() => follow(true)} isFollowing={isFollowing} />
        </Panel>
      </Page>
      {opened && <LogDetail line={opened} onClose={() => setOpened(undefined)} />}
    </div>
  );
}

function NoLines({ tail }: { tail: LogTail }) {
  return (
    <div className="min-h-0 grow">
      {tail.link === 'connecting' && tail.refused === undefined ? (
        <Skeleton label="Connecting to the log" />
      ) : (
        <Empty title="No line yet">Lines that pass the filters show up here as they are written.</Empty>
      )}
    </div>
  );
}

interface FootProps {
  tail: LogTail;
  shown: LogRows;
  isFollowing: boolean;
  follow(): void;
}

/** Says what one sees, and what one does not. */
function Foot({ tail, shown, isFollowing, follow }: FootProps) {
  const newer = tail.total - shown.total;
  return (
    <footer className="flex min-h-10 flex-wrap items-center gap-x-3 gap-y-1 border-t border-line px-3 py-1.5 text-xs text-muted tabular">
      {tail.link === 'paused' ? (
        <Chip tone="warn" dot>
          Connection lost — reconnecting
        </Chip>
      ) : (
        <Chip tone={isFollowing ? 'ok' : 'quiet'} dot>
          {isFollowing ? 'Following' : 'Paused'}
        </Chip>
      )}
      <span>
        {formatCount(shown.rows.length)} {shown.rows.length === 1 ? 'line' : 'lines'}
        {shown.left > 0 && `, the newest of ${formatCount(shown.total)}; ${formatCount(shown.left)} older ones are no longer in this view`}
      </span>
      <span className="grow" />
      {!isFollowing && newer > 0 && (
        <Button size="small" look="primary" onClick={follow}>
          {formatCount(newer)} new
        </Button>
      )}
    </footer>
  );
}
