import { AppError } from '../base/errors.ts';
import { header, headerCount, type RequestView } from './request-view.ts';

const KEY = /^[\x20-\x7e]{1,255}$/;

const badKey = new AppError('invalid_request', { sentence: 'Idempotency-Key must be sent once, as 1 to 255 printable ASCII characters.' });

/** The key and the body it stands for; undefined when the caller sent no key. `body` is parsed, at most 64 deep. */
export function idempotencyOf(view: RequestView, body: Record<string, unknown>): { key: string; body: string } | undefined {
  const key = header(view, 'idempotency-key');
  if (key === undefined) return undefined;
  if (!KEY.test(key) || headerCount(view, 'idempotency-key') > 1) throw badKey;
  const { stream: _, ...rest } = body;
  return { key, body: JSON.stringify(sorted(rest)) };
}

/** Key order is no difference between two bodies, nor is whether the answer is streamed. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, sorted(item)]));
}
