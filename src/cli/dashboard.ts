import { addressesOf, mintLink } from './addresses.ts';
import type { CommonFlags, Context } from './context.ts';
import { EXIT } from './failure.ts';
import { createFinder } from './target.ts';

/** stdout is the link. */
export async function dashboard(context: Context, flags: CommonFlags): Promise<number> {
  const finder = createFinder(context);
  const target = finder.target();
  const agent = finder.isLocal ? finder.running() : undefined;
  const { url, expiresAt } = await mintLink(target, agent ? addressesOf(agent).dashboard : `${target.baseUrl}/ui/`);
  const { out, err } = context.io;
  if (flags.json) out.line(JSON.stringify({ url, expiresAt }));
  else {
    err.line('Signs in once, within 15 minutes. Who has the link is an admin: do not pass it on.');
    out.line(url);
  }
  return EXIT.done;
}
