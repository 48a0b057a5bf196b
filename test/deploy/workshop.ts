// Programs of this machine for the tests of containers and units: whether they are there, and how they are run.
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { repository } from '../support/server-process.ts';

const execute = promisify(execFile);
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;
const RUN_MS_MAX = 500_000;

/** Why these tests cannot run here, said aloud, with the way to mend it; undefined when everything is there. */
export function whyNot(wanted: { packages: Record<string, string>; asRoot?: boolean }): string | undefined {
  const missing = Object.keys(wanted.packages).filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0);
  const reasons: string[] = [];
  if (process.platform !== 'linux') reasons.push('it needs Linux');
  if (wanted.asRoot && process.getuid?.() !== 0) reasons.push('it needs root. Fix: sudo env PATH="$PATH" npm run test:deploy');
  if (missing.length > 0) {
    const packages = missing.map((tool) => wanted.packages[tool]);
    reasons.push(`${missing.join(', ')} not found. Fix: sudo apt-get install ${packages.join(' ')}`);
  }
  const why = reasons.join('; ');
  if (why !== '') process.stderr.write(`\n*** SKIPPED: ${why}\n\n`);
  return why === '' ? undefined : why;
}

/** stdout of a program that must succeed; both outputs are in the error when it does not. */
export async function run(command: string, args: string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Promise<string> {
  try {
    const { stdout } = await execute(command, args, { ...options, maxBuffer: OUTPUT_BYTES_MAX, timeout: RUN_MS_MAX });
    return stdout.trim();
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as Error & { stdout?: string; stderr?: string };
    throw new Error(`${message}\n${stdout.slice(-4_000)}\n${stderr.slice(-4_000)}`);
  }
}

export const shell = (script: string, cwd?: string): Promise<string> => run('sh', ['-ec', script], cwd === undefined ? {} : { cwd });

/** A Debian with Node 24 and npm where Node's official images have them. */
export async function debianWithNode(root: string, packages: string[] = []): Promise<void> {
  const include = packages.length > 0 ? [`--include=${packages.join(',')}`] : [];
  await run('debootstrap', ['--variant=minbase', ...include, 'bookworm', root]);
  const npm = dirname(dirname(realpathSync(await shell('command -v npm'))));
  await shell(
    `rm -rf var/cache/apt/* var/lib/apt/lists/* usr/share/doc/* usr/share/man/* usr/share/locale/*
    install -m 755 '${join(repository, 'node_modules/node/bin/node')}' usr/local/bin/node
    mkdir -p usr/local/lib/node_modules usr/local/etc
    cp -a '${npm}' usr/local/lib/node_modules/npm
    ln -s ../lib/node_modules/npm/bin/npm-cli.js usr/local/bin/npm
    chroot . groupadd --gid 1000 node
    chroot . useradd --uid 1000 --gid node --create-home node`.replaceAll('\n    ', '\n'),
    root,
  );
}

/** How this machine reaches its npm registry, for a build that has only the image's files. Mounted while it runs, never part of it. */
export async function npmVolumes(folder: string): Promise<string[]> {
  const own = join(homedir(), '.npmrc');
  const lines = [existsSync(own) ? readFileSync(own, 'utf8') : ''];
  const setting = async (name: string) => (await run('npm', ['config', 'get', name], { cwd: folder })).replace(/^(null|undefined)$/, '');
  lines.push(`registry=${await setting('registry')}`);
  const authority = process.env.NODE_EXTRA_CA_CERTS ?? (await setting('cafile'));
  if (authority !== '') lines.push('cafile=/tmp/registry-ca.crt');
  const file = join(folder, 'npmrc');
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  const volumes = ['--volume', `${file}:/usr/local/etc/npmrc:ro`];
  return authority === '' ? volumes : [...volumes, '--volume', `${realpathSync(authority)}:/tmp/registry-ca.crt:ro`];
}
