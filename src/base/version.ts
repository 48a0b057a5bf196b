import { readFileSync } from 'node:fs';

/** Put in by the build; sources run without it. */
declare const HOLDFAST_BUILD_VERSION: string | undefined;

/** The version of this program, from package.json. */
export function programVersion(): string {
  if (typeof HOLDFAST_BUILD_VERSION === 'string') return HOLDFAST_BUILD_VERSION;
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  return version;
}
