import { useEffect, useState } from 'react';
import { HoldfastError } from '../../../../src/client/failure.ts';
import type { LogLineView, LogQuery } from '../../../../src/contract/logs.ts';
import { api } from '../../lib/api.ts';
import { addLines, type LogRows, noRows } from './log-rows.ts';

export type LogFilters = Pick<LogQuery, 'level' | 'text' | 'sessionId' | 'turnId' | 'requestId' | 'event'>;

export interface LogTail extends LogRows {
  link: 'connecting' | 'live' | 'paused';
  /** The server will not show it: asking again is of no use without a change. */
  refused: unknown;
  again(): void;
}

const FIRST_LINES = 500;
/** Lines that come within it are drawn together. */
const DRAW_MS = 100;
const AGAIN_MS = 2_000;

const isRefusal = (error: unknown): boolean => error instanceof HoldfastError && error.status >= 400 && error.status < 429;

/** The log as it is written, as far as it passes the filters; over broken connections without a doubled line. */
export function useLogTail(filters: LogFilters): LogTail {
  const [state, setState] = useState<Omit<LogTail, 'again'>>({ ...noRows, link: 'connecting', refused: undefined });
  const [tries, setTries] = useState(0);
  const wanted = JSON.stringify(filters);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `tries` starts it anew.
  useEffect(() => {
    const life = new AbortController();
    const { signal } = life;
    const query = { ...(JSON.parse(wanted) as LogFilters), limit: FIRST_LINES };
    let waiting: (LogLineView | undefined)[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const draw = () => {
      timer = undefined;
      const lines = waiting;
      waiting = [];
      setState((before) => ({ ...before, ...addLines(before, lines), link: 'live' }));
    };
    async function read(): Promise<void> {
      let last: string | undefined;
      while (!signal.aborted) {
        try {
          const options = { signal, ...(last === undefined ? {} : { lastEventId: last }) };
          for await (const { event, id, data } of api.events('listLogs', { query }, options)) {
            last = id ?? last;
            waiting.push(event === 'log.gap' ? undefined : (JSON.parse(data) as LogLineView));
            timer ??= setTimeout(draw, DRAW_MS);
          }
        } catch (error) {
          if (signal.aborted) return;
          if (isRefusal(error)) return setState((before) => ({ ...before, refused: error }));
        }
        if (signal.aborted) return;
        setState((before) => ({ ...before, link: 'paused' }));
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
    setState({ ...noRows, link: 'connecting', refused: undefined });
    void read();
    return () => {
      life.abort();
      clearTimeout(timer);
    };
  }, [wanted, tries]);
  return { ...state, again: () => setTries((count) => count + 1) };
}
