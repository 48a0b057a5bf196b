import type { Config } from '../base/config.ts';
import { AppError } from '../base/errors.ts';
import { header, headerCount, isLoopbackAddress, type RequestView } from './request-view.ts';

export interface HostCheck {
  /** Throws for a request whose Host is missing, doubled, malformed or not ours. `anyHost` leaves only the form to be checked. */
  host(view: RequestView, anyHost: boolean): void;
  /** Throws when a browser sent the request from a page of another origin. For methods that change something. */
  origin(view: RequestView): void;
}

const HOST = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(:\d{1,5})?$/i;

const badHost = (sentence: string) => new AppError('invalid_request', { sentence });
const notOurs = new AppError('forbidden', {
  sentence: 'This host name is not served here. Add it to HOLDFAST_ALLOWED_HOSTS if it should be.',
});
const otherOrigin = new AppError('forbidden', { sentence: 'Requests from pages of another origin are refused.' });

/**
 * DNS rebinding: a page of evil.example whose name was pointed at 127.0.0.1 reaches us as its own origin, but still says its name in Host.
 * On a loopback bind only loopback names and configured ones are ours; elsewhere the check applies once HOLDFAST_ALLOWED_HOSTS is set.
 */
export function createHostCheck(config: Pick<Config, 'host' | 'allowedHosts' | 'publicUrl'>): HostCheck {
  const publicUrl = config.publicUrl === undefined ? undefined : new URL(config.publicUrl);
  const own = new Set(['localhost', '127.0.0.1', '[::1]', bracketed(config.host.toLowerCase())]);
  for (const name of config.allowedHosts) own.add(name.toLowerCase());
  if (publicUrl) own.add(publicUrl.hostname.toLowerCase());
  const enforced = config.host === 'localhost' || isLoopbackAddress(config.host) || config.allowedHosts.length > 0;

  return {
    host(view, anyHost) {
      const host = header(view, 'host');
      if (host === undefined && anyHost) return;
      if (host === undefined || host === '') throw badHost('The Host header is missing.');
      if (headerCount(view, 'host') > 1) throw badHost('There is more than one Host header.');
      const parts = HOST.exec(host);
      if (!parts?.[1]) throw badHost('The Host header is malformed.');
      // RFC 9112 3.2.2: an absolute target overrules Host. Only a proxy should be sent one, so anything but agreement is an attack.
      if (!view.url.startsWith('/') && absoluteHost(view.url) !== host.toLowerCase())
        throw badHost('The Host header and the request target disagree.');
      if (enforced && !anyHost && !own.has(parts[1].toLowerCase()) && !own.has(host.toLowerCase())) throw notOurs;
    },
    origin(view) {
      const site = header(view, 'sec-fetch-site');
      if (site !== undefined && site !== 'same-origin' && site !== 'none') throw otherOrigin;
      const origin = header(view, 'origin');
      if (origin === undefined || origin === publicUrl?.origin) return;
      const named = /^https?:\/\/(.+)$/.exec(origin)?.[1];
      if (named === undefined || named.toLowerCase() !== header(view, 'host')?.toLowerCase()) throw otherOrigin;
    },
  };
}

const bracketed = (host: string) => (host.includes(':') && !host.startsWith('[') ? `[${host}]` : host);

const absoluteHost = (target: string) => /^https?:\/\/([^/?#]*)/i.exec(target)?.[1]?.toLowerCase();
