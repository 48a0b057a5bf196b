import { isIP } from 'node:net';
import { Secret } from './secret.ts';

/** What a setting's text meant. A problem never quotes the text: a secret may have been pasted into the wrong line. */
export type Parsed<T> = { ok: true; value: T } | { ok: false; problem: string; fix?: string };
export type Parse<T> = (text: string) => Parsed<T>;

const good = <T>(value: T): Parsed<T> => ({ ok: true, value });
const bad = (problem: string, fix?: string): { ok: false; problem: string; fix?: string } => ({
  ok: false,
  problem,
  ...(fix === undefined ? {} : { fix }),
});

export const oneOf =
  <const T extends string>(...choices: T[]): Parse<T> =>
  (text) => {
    const found = choices.find((choice) => choice === text.toLowerCase());
    return found === undefined ? bad(`must be one of: ${choices.join(', ')}`) : good(found);
  };

export const integer =
  (min: number, max: number, unit = ''): Parse<number> =>
  (text) => {
    const what = `must be a whole number${unit === '' ? '' : ` of ${unit}`} from ${min} to ${max}`;
    if (!/^\d{1,15}$/.test(text)) return bad(what);
    const value = Number(text);
    return value < min || value > max ? bad(what) : good(value);
  };

export const yesNo: Parse<boolean> = (text) => {
  const word = text.toLowerCase();
  if (['true', '1', 'yes', 'on'].includes(word)) return good(true);
  if (['false', '0', 'no', 'off'].includes(word)) return good(false);
  return bad('must be true or false');
};

export const folder: Parse<string> = (text) => (text.includes('\0') ? bad('must be a path without NUL characters') : good(text));

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*\.?$/i;

/** An address or name to listen on; `[::1]` becomes `::1`. */
export const hostName: Parse<string> = (text) => {
  const host = text.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) !== 0) return good(host);
  // Four dotted numbers that are no address are a typing error, not a name.
  if (HOST_NAME.test(host) && !/^[\d.]+$/.test(host)) return good(host);
  return bad('must be an IP address or a host name, without a port or a scheme');
};

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

/** `host` or `host:port`, comma-separated. */
export const hostList: Parse<string[]> = (text) => {
  const hosts = commaList(text);
  const wrong = hosts.some((entry) => !hostName(entry.replace(/:\d{1,5}$/, '')).ok && !hostName(entry).ok);
  return wrong ? bad('must be host names or addresses (with an optional port), separated by commas') : good(hosts);
};

/** An http(s) address without credentials, query or fragment; a trailing slash is dropped. */
export const webAddress: Parse<string> = (text) => {
  const what = 'must be an http:// or https:// address without user, password, query or fragment';
  if (!URL.canParse(text)) return bad(what);
  const url = new URL(text);
  if (!['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '') return bad(what);
  if (url.search !== '' || url.hash !== '') return bad(what);
  return good(url.href.replace(/\/+$/, ''));
};

/** As Ollama's own tools read it: `host`, `host:port` or an address. What a server listens on everywhere is called on this machine. */
export const ollamaAddress: Parse<string> = (text) => {
  const hasScheme = /^https?:\/\//i.test(text);
  const full = hasScheme ? text : `http://${text}`;
  const parsed = webAddress(full);
  if (!parsed.ok) return bad('must be host, host:port or an http(s) address', 'OLLAMA_HOST=127.0.0.1:11434');
  const url = new URL(parsed.value);
  // The usual port of a scheme is dropped by URL; only Ollama's own is assumed when nothing was said.
  if (!hasScheme && !/:\d+(\/|$)/.test(text)) url.port = '11434';
  if (url.hostname === '0.0.0.0') url.hostname = '127.0.0.1';
  if (url.hostname === '[::]') url.hostname = '[::1]';
  return good(url.href.replace(/\/+$/, ''));
};

/** An http(s) address that may carry its secret in path or query, as webhooks do; without user and password. */
export const webhookAddress: Parse<Secret> = (text) => {
  const isWeb = URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol);
  if (!isWeb || text.length > WEBHOOK_CHARS_MAX) return bad('must be an http:// or https:// address');
  const { username, password } = new URL(text);
  return username === '' && password === '' ? good(new Secret(text)) : bad('must not carry a user or a password');
};
const WEBHOOK_CHARS_MAX = 4_096;

const MODELS_MAX = 16;
/** What follows the provider: `gpt-5`, `llama3.2:3b`, `meta-llama/llama-3-70b:free`. */
const MODEL = /^[a-z0-9-]+\/[\w@][\w.:@-]*(\/[\w@][\w.:@-]*)*$/;

/** `provider/model` or `demo`, comma-separated. Whether there is such a provider is a rule between settings. */
export const modelList: Parse<string[]> = (text) => {
  const models = commaList(text);
  if (models.length === 0 || models.length > MODELS_MAX) return bad(`must name 1 to ${MODELS_MAX} models, separated by commas`);
  if (new Set(models).size !== models.length) return bad('names a model twice');
  if (models.some((model) => model !== 'demo' && !MODEL.test(model)))
    return bad('must be a list of provider/model (or demo), separated by commas', 'HOLDFAST_MODELS=gemini/gemini-flash-latest');
  return good(models);
};

/** A key that travels in a header. */
export const keyText: Parse<Secret> = (text) => {
  if (/^(your|my|change|replace|insert|todo|xxx)[-_ ]?|^<.*>$/i.test(text) && /key|me|here|<|^xxx/i.test(text)) {
    return bad('still holds a placeholder', 'put the real key there, or leave the line empty');
  }
  return /^[\x21-\x7e]{1,4096}$/.test(text)
    ? good(new Secret(text))
    : bad('must be printable ASCII without spaces, at most 4096 characters');
};

export const ADMIN_KEY_CHARS_MIN = 32;

export const adminKey: Parse<Secret> = (text) => {
  const parsed = keyText(text);
  if (!parsed.ok) return parsed;
  if (text.length < ADMIN_KEY_CHARS_MIN || new Set(text).size < 8) {
    return bad(
      `must be at least ${ADMIN_KEY_CHARS_MIN} random characters`,
      `make one with: node -p "crypto.randomBytes(32).toString('hex')"`,
    );
  }
  return parsed;
};

/** The command runs wherever the agent runs: nothing but Node. A new key for old data would be the end of it. */
const MASTER_KEY_FIX = `put the key of this data there; only for an empty home make one with: node -p "crypto.randomBytes(32).toString('base64')"`;

/** 32 random bytes in base64 or base64url, padding optional: what the keyring takes, said before anything starts. */
export const masterKey: Parse<Secret> = (text) => {
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return bad('must be exactly 32 bytes in base64 (44 characters)', MASTER_KEY_FIX);
  const bytes = Buffer.from(text, 'base64');
  const printable = bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
  if (new Set(bytes).size < 8 || printable) return bad('is not random: a repeated pattern or printable text', MASTER_KEY_FIX);
  return good(new Secret(text));
};

export const postgresAddress: Parse<Secret> = (text) =>
  /^postgres(ql)?:\/\//.test(text) && URL.canParse(text) ? good(new Secret(text)) : bad('must be a postgres:// address');

function commaList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
