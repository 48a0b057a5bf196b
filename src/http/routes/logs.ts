import type { Clock } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { logFilter, parseLogLine } from '../../base/log-filter.ts';
import { readLogTail } from '../../base/log-tail.ts';
import { formatLogPosition, type LogLineView, type LogPosition, type LogQuery, parseLogPosition } from '../../contract/logs.ts';
import { type Call, type HandlersOf, json, type Reply } from '../call.ts';
import type { EventStreams } from '../event-stream.ts';
import { SSE_HEADERS } from '../headers.ts';
import { isLine, logSource } from '../log-source.ts';
import { pageOf } from '../paging.ts';
import { dropPeer, header, type RequestView, wantsStream } from '../request-view.ts';

export interface LogRouteParts {
  clock: Clock;
  log: Logger;
  /** Of the log in use; older ones lie beside it. */
  path: string;
  streams: EventStreams;
}

/** The log as the files have it: what was dropped on the way there is said by lines of its own (`log.dropped`). */
export function logHandlers({ clock, log, path, streams }: LogRouteParts): HandlersOf<'listLogs'> {
  async function follow({ view, query, requestId, caller }: Call<undefined, LogQuery>): Promise<Reply> {
    const isWanted = filterOf(query);
    const resumed = resumedAt(view);
    const tail = resumed ? undefined : await readLogTail(path, { count: query.limit, isWanted: (line) => isWanted(line) && isLine(line) });
    const source = logSource({ path, clock, isWanted, first: tail?.lines ?? [], from: resumed ?? tail?.end });
    const body = streams.open(source, {
      onError(error) {
        log.error('stream.failed', { requestId, error });
        return '';
      },
      drop: () => dropPeer(view),
      caller,
    });
    return { status: 200, headers: SSE_HEADERS, body };
  }

  return {
    async listLogs(call) {
      const { cursor, limit } = call.query;
      if (wantsStream(call.view)) return follow(call);
      const isWanted = filterOf(call.query);
      const before = cursor === undefined ? undefined : parseLogPosition(cursor);
      const tail = await readLogTail(path, { count: limit, isWanted: (line) => isWanted(line) && isLine(line), before });
      const lines = tail?.lines ?? [];
      const oldest = lines.length === limit ? lines[0] : undefined;
      const items = lines.reverse().map(({ text }) => parseLogLine(text) as LogLineView);
      return json(200, pageOf({ items, nextCursor: oldest ? formatLogPosition(oldest.start) : null }));
    },
  };
}

function filterOf({ cursor: _, limit: __, since, until, ...same }: LogQuery): (line: string) => boolean {
  const at = (time: string | undefined) => (time === undefined ? undefined : Date.parse(time));
  return logFilter({ ...same, since: at(since), until: at(until) });
}

/** Where a reader of an earlier stream stands. Throws for an id we never gave out. */
function resumedAt(view: RequestView): LogPosition | undefined {
  const sent = header(view, 'last-event-id');
  if (sent === undefined || sent === '') return undefined;
  const place = parseLogPosition(sent);
  if (!place) throw new AppError('invalid_request', { sentence: 'Last-Event-ID is not an id of this kind of stream.' });
  return place;
}
