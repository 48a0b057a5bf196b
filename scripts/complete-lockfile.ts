// `node scripts/complete-lockfile.ts`, after any npm install that changed package-lock.json: npm leaves out packages for other platforms when its
// registry does not have them, and `npm ci` on such a platform then refuses the file. They are added by what their names say, without a digest.
import { readFileSync, writeFileSync } from 'node:fs';

interface Entry {
  version: string;
  dev?: boolean;
  license?: string;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  engines?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

const OSES = ['android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'aix', 'win32'];
const CPUS = ['arm64', 'arm', 'x64', 'ia32', 'ppc64', 'riscv64', 's390x', 'loong64', 'mips64el', 'wasm32'];

const file = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, Entry> };
const added: string[] = [];
for (const [path, parent] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const place = `node_modules/${name}`;
    if (lock.packages[place] || lock.packages[`${path}/${place}`] || !/^\d/.test(version)) continue;
    lock.packages[place] = entryOf(name, version, parent);
    added.push(name);
  }
}
const sorted = Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
writeFileSync(file, `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, undefined, 2)}\n`);
console.log(added.length === 0 ? 'package-lock.json is whole' : `added to package-lock.json: ${added.join(', ')}`);

/** In npm's own order of fields. */
function entryOf(name: string, version: string, { dev, license, engines }: Entry): Entry {
  const words = name.split('/').at(-1)?.split('-') ?? [];
  const os = OSES.find((known) => words.includes(known));
  const cpu = CPUS.find((known) => words.some((word) => word === known || (known === 'arm' && /^arm$/.test(word))));
  const libc = words.some((word) => word.startsWith('musl')) ? 'musl' : words.some((word) => word.startsWith('gnu')) ? 'glibc' : undefined;
  return {
    version,
    ...(cpu && { cpu: [cpu] }),
    ...(dev && { dev }),
    ...(libc && os === 'linux' && { libc: [libc] }),
    ...(license && { license }),
    optional: true,
    ...(os && { os: [os] }),
    ...(engines && { engines }),
  };
}
