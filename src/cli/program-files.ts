import { fileURLToPath } from 'node:url';

/** The server's program: beside the bundle this runs from (the build puts all programs and chunks in one folder), or the source. */
export function serverProgram(): string {
  const isSource = import.meta.url.endsWith('.ts');
  return fileURLToPath(new URL(isSource ? '../main.ts' : './main.js', import.meta.url));
}
