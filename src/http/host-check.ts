import type { Config } from '../base/config.ts';
import { AppError } from '../base/errors.ts';
import { isJsonType } from './body.ts';
import { header, headerCount, isLoopbackAddress, type RequestView } from './request-view.ts';

export interface HostCheck {
  /** Throws for a request whose Host is missing, doubled, malformed or not ours. `anyHost` leaves only the form to be checked. */
  host(view: RequestView, anyHost: boolean): void;
  /** Throws when a browser sent the request from a page of another origin. For methods that change something. */
  origin(view: RequestView): void;
  /**
   * Throws unless a request that a cookie authorizes comes from a page of ours: browsers send cookies along for anyone. What changes something needs
   * proof of that, and a type that no form can send; what only reads must not say the contrary.
   */
  ambient(view: RequestView, how: { unsafe: boolean; page: boolean }): void;
}

const HOST = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(:\d{1,5})?$/i;

const badHost = (sentence: string) => new AppError('invalid_request', { sentence });
const notOurs = new AppError('forbidden', {
  sentence: 'This host name is not served here. Add it to HOLDFAST_ALLOWED_HOSTS if it should be.',
});
const noOrigin = new AppError('forbidden', { sentence: 'A request with a cookie must say that it comes from a page of this origin.' });
const NO_TYPE = 'A request with a cookie must be application/json, also without a body.';
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

  const origin = (view: RequestView): void => {
    const site = header(view, 'sec-fetch-site');
    if (site !== undefined && site !== 'same-origin' && site !== 'none') throw otherOrigin;
    const sent = header(view, 'origin');
    if (sent === undefined || sent === publicUrl?.origin) return;
    const named = /^https?:\/\/(.+)$/.exec(sent)?.[1];
    if (named === undefined || named.toLowerCase() !== header(view, 'host')?.toLowerCase()) throw otherOrigin;
  };

  return {
    origin,
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
    ambient(view, { unsafe, page }) {
      // A link on another page may lead to a page of ours: nobody can read it from there.
      if (page && !unsafe && header(view, 'sec-fetch-mode') === 'navigate') return;
      origin(view);
      if (!unsafe) return;
      if (header(view, 'origin') === undefined && header(view, 'sec-fetch-site') !== 'same-origin') throw noOrigin;
      if (!isJsonType(header(view, 'content-type'))) throw new AppError('unsupported_media_type', { sentence: NO_TYPE });
    },
  };
}

const bracketed = (host: string) => (host.includes(':') && !host.startsWith('[') ? `[${host}]` : host);

const absoluteHost = (target: string) => /^https?:\/\/([^/?#]*)/i.exec(target)?.[1]?.toLowerCase();
