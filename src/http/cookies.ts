import { header, type RequestView } from './request-view.ts';

/** The first of an install's 32 hexadecimal digits: agents on one machine share the cookies of its name, whatever their ports. */
const INSTALL_CHARS = 12;

export interface LoginCookie {
  readonly name: string;
  /** Its value; undefined when the request carries none, '' when it carries one that cannot be ours or more than one. */
  read(view: RequestView): string | undefined;
  /** `set-cookie` headers. */
  set(value: string, maxAgeMs: number): string;
  clear(): string;
}

/**
 * `__Host-` makes browsers insist on Secure, Path=/ and no Domain: no neighbour under the same parent name can plant one. Browsers take a Secure
 * cookie over plain http from loopback addresses only, which is also all that we offer (login-origin.ts).
 */
export function createLoginCookie(install: string): LoginCookie {
  const name = `__Host-hf-${install.slice(0, INSTALL_CHARS)}`;
  const attributes = 'Path=/; Secure; HttpOnly; SameSite=Strict';
  return {
    name,
    read(view) {
      const sent = header(view, 'cookie');
      if (sent === undefined || !sent.includes(name)) return undefined;
      const values = sent.split(';').flatMap((pair) => {
        const at = pair.indexOf('=');
        return at > 0 && pair.slice(0, at).trim() === name ? [pair.slice(at + 1).trim()] : [];
      });
      if (values.length === 0) return undefined;
      return values.length === 1 && /^[\x21-\x7e]{1,512}$/.test(values[0] ?? '') ? values[0] : '';
    },
    set: (value, maxAgeMs) => `${name}=${value}; Max-Age=${Math.max(0, Math.floor(maxAgeMs / 1000))}; ${attributes}`,
    clear: () => `${name}=; Max-Age=0; ${attributes}`,
  };
}
