// Where the time goes: the functions with the most time of their own in V8's CPU profiles, named by source file.
import { readdirSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number; columnNumber: number } }[];
  samples: number[];
  timeDeltas: number[];
}

export interface ProfileLine {
  name: string;
  file: string;
  ms: number;
  share: number;
}

export interface ThreadProfile {
  thread: string;
  busyMs: number;
  functions: ProfileLine[];
  files: ProfileLine[];
}

const IDLE = new Set(['(idle)', '(root)']);

export function readProfiles(folder: string, top = 30): ThreadProfile[] {
  const maps = new Map<string, SourceMap | undefined>();
  return readdirSync(folder)
    .filter((name) => name.endsWith('.cpuprofile'))
    .map((name) => summary(name, JSON.parse(readFileSync(join(folder, name), 'utf8')) as Profile, maps, top))
    .sort((a, b) => b.busyMs - a.busyMs);
}

function summary(name: string, profile: Profile, maps: Map<string, SourceMap | undefined>, top: number): ThreadProfile {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const functions = new Map<string, { name: string; file: string; ms: number }>();
  const files = new Map<string, { name: string; file: string; ms: number }>();
  let busyMs = 0;
  profile.samples.forEach((id, index) => {
    const frame = nodes.get(id)?.callFrame;
    const ms = (profile.timeDeltas[index] ?? 0) / 1000;
    if (!frame || IDLE.has(frame.functionName)) return;
    busyMs += ms;
    const file = sourceOf(frame, maps);
    add(functions, `${frame.functionName} ${file}`, { name: frame.functionName || '(anonymous)', file, ms });
    add(files, file, { name: '', file, ms });
  });
  const ranked = (map: typeof functions) =>
    [...map.values()]
      .sort((a, b) => b.ms - a.ms)
      .slice(0, top)
      .map((line) => ({ ...line, share: line.ms / busyMs }));
  return { thread: basename(name, '.cpuprofile'), busyMs, functions: ranked(functions), files: ranked(files) };
}

function add(
  map: Map<string, { name: string; file: string; ms: number }>,
  key: string,
  line: { name: string; file: string; ms: number },
): void {
  const known = map.get(key);
  if (known) known.ms += line.ms;
  else map.set(key, line);
}

function sourceOf(frame: { url: string; lineNumber: number; columnNumber: number }, maps: Map<string, SourceMap | undefined>): string {
  if (frame.url === '') return 'native';
  if (!frame.url.startsWith('file:')) return frame.url;
  const path = fileURLToPath(frame.url);
  if (!maps.has(path)) maps.set(path, readMap(path));
  const entry = maps.get(path)?.findEntry(frame.lineNumber, frame.columnNumber);
  if (entry && 'originalSource' in entry) return entry.originalSource.replace(/^.*node_modules\//, '').replace(/^(\.\.\/)+/, '');
  return relative(process.cwd(), path);
}

function readMap(path: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${path}.map`, 'utf8')));
  } catch (error) {
    // Files that are not built have no map.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
