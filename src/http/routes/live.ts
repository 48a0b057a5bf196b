import { AppError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { type LivePlace, parseLivePlace } from '../../contract/live.ts';
import type { LiveCursor, LiveFeed, LiveFrame } from '../../metrics/live-feed.ts';
import type { HandlersOf } from '../call.ts';
import type { EventStreams, StreamSource } from '../event-stream.ts';
import { SSE_HEADERS } from '../headers.ts';
import type { LiveWatch } from '../live-watch.ts';
import { dropPeer, header, type RequestView } from '../request-view.ts';

/** Readers at once: dashboards share one stream per browser. */
export const LIVE_READERS_MAX = 64;

export interface LiveRouteParts {
  log: Logger;
  feed: LiveFeed;
  watch: LiveWatch;
  streams: EventStreams;
}

export function liveHandlers({ log, feed, watch, streams }: LiveRouteParts): HandlersOf<'liveEvents'> {
  return {
    async liveEvents({ view, requestId, caller }) {
      const from = placeOf(view);
      const snapshot = await watch.look();
      if (feed.readers >= LIVE_READERS_MAX)
        throw new AppError('overloaded', { sentence: 'Too many readers of the live feed.', retryAfterMs: 5_000 });
      const body = streams.open(liveSource(feed.cursor(from, snapshot)), {
        onError(error) {
          log.error('stream.failed', { requestId, error });
          return '';
        },
        drop: () => dropPeer(view),
        caller,
      });
      return { status: 200, headers: SSE_HEADERS, body };
    },
  };
}

/** Where the reader stands. Throws for an id we never gave out. */
function placeOf(view: RequestView): LivePlace | undefined {
  const sent = header(view, 'last-event-id');
  if (sent === undefined || sent === '') return undefined;
  const place = parseLivePlace(sent);
  if (!place) throw new AppError('invalid_request', { sentence: 'Last-Event-ID is not an id of this kind of stream.' });
  return place;
}

const liveSource = (cursor: LiveCursor): StreamSource<LiveFrame> => ({
  next: cursor.next,
  close: cursor.close,
  isLast: () => false,
  take(frames, unitsMax) {
    let piece = '';
    while (frames.length > 0 && piece.length < unitsMax) piece += frames.shift()?.text() ?? '';
    return piece;
  },
});
