import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The server's program: beside the bundle this runs from (the build puts all programs and chunks in one folder), or the source. */
export function serverProgram(): string {
  const isSource = import.meta.url.endsWith('.ts');
  return fileURLToPath(new URL(isSource ? '../main.ts' : './main.js', import.meta.url));
}

/** How this copy of the program is called. `holdfast` alone is found only where it is installed for everybody; from a clone or a project npx finds it. */
export function callName(script = process.argv[1] ?? ''): string {
  return basename(script) === 'holdfast' && basename(dirname(script)) !== '.bin' ? 'holdfast' : 'npx holdfast';
}

/** Commands in a text for people, as they can be typed here: `holdfast start` becomes `npx holdfast start` in a clone. */
export function runnable(text: string, name = callName()): string {
  return text.replace(/(?<![\w./-]|npx )holdfast (?=[a-z]|--help)/g, `${name} `);
}
