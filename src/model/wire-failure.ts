// What an HTTP status or a broken connection means for us, whoever the provider is.
import type { IncomingHttpHeaders } from 'node:http';
import type { HttpFault } from './http-stream.ts';
import type { FailureKind, ModelFailure } from './provider.ts';

export const FAULT_KINDS: Record<HttpFault, FailureKind> = {
  connect_timeout: 'silent',
  first_byte_timeout: 'silent',
  idle_timeout: 'silent',
  connect_refused: 'transient',
  dns_failed: 'transient',
  tls_failed: 'transient',
  reset: 'transient',
  not_http: 'cut',
  response_too_large: 'cut',
  unsendable: 'rejected',
  deadline: 'deadline',
  cancelled: 'cancelled',
};

export const failure = (kind: FailureKind, code: string): ModelFailure => ({ ok: false, kind, code });

export function kindOfStatus(status: number): FailureKind {
  if (status === 401 || status === 403) return 'bad_key';
  if (status === 408 || status === 429 || (status >= 500 && status <= 599)) return 'transient';
  // A success that is no event stream is a broken answer, not a refusal.
  if (status >= 200 && status <= 299) return 'cut';
  return 'rejected';
}

/** RFC 9110: seconds, or a date on the wall clock. Some providers say milliseconds in a header of their own. */
export function retryAfterMs(headers: IncomingHttpHeaders, wallNow: number): number | undefined {
  const exact = headers['retry-after-ms'];
  if (typeof exact === 'string' && /^\d{1,9}(\.\d+)?$/.test(exact)) return Math.ceil(Number(exact));
  const value = headers['retry-after'];
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1_000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - wallNow);
}
