// The same door as `api`, but a turn is answered with 202 as soon as it is durable. It is then read with `api.follow`, in this tab as in any other.
import { type Client, createClient } from '../../../src/client/client.ts';
import { baseOf } from './api.ts';

export const apiLater: Client = createClient({
  url: baseOf(window.location),
  fetch: (input, init) => fetch(input, { ...init, headers: { ...(init?.headers as Record<string, string>), prefer: 'respond-async' } }),
});

/** An idempotency key. By hand, since `randomUUID` needs a secure context. */
export const newKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
