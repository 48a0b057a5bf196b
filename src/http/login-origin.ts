import { AppError } from '../base/errors.ts';
import { header, isForwarded, isLoopbackAddress, type RequestView } from './request-view.ts';

const inClear = new AppError('forbidden', {
  sentence: 'Plain http would carry the sign-in in clear: use HTTPS, or a tunnel to a loopback address (ssh -L 8000:127.0.0.1:8000 …).',
});

/**
 * Throws unless the browser's own way to us is private: its address for us is a loopback one, or a proxy that we were told to trust saw https.
 * The peer's address says nothing here: behind a container's published port a browser on this machine looks foreign. Whoever forges Host or, on a
 * port that the proxy should have kept to itself, X-Forwarded-Proto, exposes nobody's sign-in but their own.
 */
export function assertPrivateWay(view: RequestView, trustProxy: boolean): void {
  if (trustProxy) {
    // The last entry is the only one the proxy wrote itself.
    const seen = header(view, 'x-forwarded-proto')?.split(',').at(-1)?.trim().toLowerCase();
    if (seen === 'https') return;
    if (seen !== undefined) throw inClear;
  }
  if (isForwarded(view) || !isLoopbackHost(header(view, 'host') ?? '')) throw inClear;
}

function isLoopbackHost(host: string): boolean {
  const name = host
    .toLowerCase()
    .replace(/:\d{1,5}$/, '')
    .replace(/^\[(.*)\]$/, '$1');
  return name === 'localhost' || name.endsWith('.localhost') || isLoopbackAddress(name);
}
