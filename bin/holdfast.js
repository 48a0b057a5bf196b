#!/usr/bin/env node
// Parses on old Nodes too: it must live to say that they are too old. Only what Node 12 knows may stand here.
// biome-ignore-all lint/style/useNodejsImportProtocol: Node 12 does not know the prefix
import { existsSync, readFileSync } from 'fs';

const NODE_MIN = 24;
const EXIT_CONFIG = 78;

const root = new URL('..', import.meta.url);
const words = process.argv.slice(2);

function refuse(message) {
  process.stderr.write(`holdfast: ${message}\n`);
  process.exitCode = EXIT_CONFIG;
}

function version() {
  return JSON.parse(readFileSync(new URL('package.json', root), 'utf8')).version;
}

if (words.length === 1 && (words[0] === '--version' || words[0] === '-v' || words[0] === 'version')) {
  process.stdout.write(`${version()}\n`);
} else if (Number(process.versions.node.split('.')[0]) < NODE_MIN) {
  refuse(
    `Node ${process.versions.node} is too old, ${NODE_MIN} or newer is needed. Fix: run "npx holdfast" inside the clone (it brings its own Node), or install Node ${NODE_MIN} from https://nodejs.org`,
  );
} else if (existsSync(new URL('dist/cli.js', root))) {
  import(new URL('dist/cli.js', root).href).catch((error) => {
    refuse(`the command line could not be loaded (${error.code || error.message}). Fix: npm ci && npm run build`);
  });
} else {
  refuse('it is not built yet. Fix: npm ci && npm run build');
}
