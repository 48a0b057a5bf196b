// Whether a port can be had: it is opened for a moment.
import { createServer } from 'node:net';

const PORT_MAX = 65_535;
/** So many neighbours are tried before any free port of the machine is as good. */
const NEIGHBOURS_MAX = 20;

/** Node's code of why not; undefined when it can be had. */
export function tryPort(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}

/** The next free port above, none of `taken`; 0, which means any, when there is none near. */
export async function freePortNear(host: string, port: number, taken: readonly number[]): Promise<number> {
  for (let next = port + 1; next <= Math.min(PORT_MAX, port + NEIGHBOURS_MAX); next++)
    if (!taken.includes(next) && (await tryPort(host, next)) === undefined) return next;
  return 0;
}
