// Files of deployment say what the program says: names of settings, times, versions. That they run is test/deploy's business.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { knownNames, SETTINGS } from '../src/base/settings.ts';
import { runProgram } from './support/cli.ts';
import { repository } from './support/server-process.ts';

const read = (path: string) => readFileSync(join(repository, path), 'utf8');
const FILES = ['Dockerfile', 'docker-compose.yml', 'docker-compose.prod.yml', 'deploy/holdfast.service', 'deploy/make-secrets.sh'] as const;
/** Of docker-compose alone; the server never sees it. */
const COMPOSE_ONLY = ['HOLDFAST_IMAGE'];
/** Beyond the drain, what the server may take to close (`CLOSE_MS_MAX` in src/main.ts). */
const CLOSE_MS = 5_000;

test.each(FILES)('%s names settings that exist', (path) => {
  const named = new Set(read(path).match(/\b(HOLDFAST|GEMINI|AGENT)_[A-Z_]+\b/g));
  expect([...named].filter((name) => !knownNames().has(name) && !COMPOSE_ONLY.includes(name))).toEqual([]);
  expect(named.size).toBeGreaterThan(0);
});

test('whoever stops the server waits longer than it may need', () => {
  const drainMs = Number(SETTINGS.drainMs.default);
  const graces = [
    ...['docker-compose.yml', 'docker-compose.prod.yml'].flatMap((path) => [...read(path).matchAll(/stop_grace_period: (\d+)s/g)]),
    ...read('deploy/holdfast.service').matchAll(/^TimeoutStopSec=(\d+)$/gm),
  ];
  expect(graces.length).toBeGreaterThanOrEqual(4);
  for (const [said, seconds] of graces) expect(Number(seconds) * 1000, said).toBeGreaterThan(drainMs + CLOSE_MS);
  expect(read('docker-compose.prod.yml')).toContain(`HOLDFAST_DRAIN_MS: "${drainMs}"`);
});

test('start.sh says what it does without doing it, and takes nothing it would not heed', async () => {
  const run = (option: string) => runProgram(['sh', join(repository, 'start.sh'), option], { cwd: repository });
  for (const option of ['--help', '-h']) expect(await run(option)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Usage: /) });
  expect(await run('--hlep')).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('takes no options') });
});

test('the image is labelled with the version of the package', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string };
  expect(read('Dockerfile')).toContain(`org.opencontainers.image.version="${version}"`);
});

test('in development nothing is published beyond this machine, because the admin key is known', () => {
  const compose = read('docker-compose.yml');
  const ports = [...(compose.match(/^ +ports:\n((?: +- .*\n)+)/m)?.[1] ?? '').matchAll(/- (.*)/g)].map(([, port]) => port);
  expect(ports.length).toBe(2);
  for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  expect(compose).toMatch(/HOLDFAST_ALLOWED_HOSTS: localhost,127\.0\.0\.1$/m);
});

test('in production no secret is in an environment, and the server publishes no port of its own', () => {
  const [server = '', proxy = ''] = read('docker-compose.prod.yml').split(/^ {2}proxy:$/m);
  expect(server).not.toMatch(/^ +ports:/m);
  expect(proxy).toMatch(/^ +ports:/m);
  for (const secret of ['HOLDFAST_MASTER_KEY', 'HOLDFAST_ADMIN_KEY', 'GEMINI_API_KEY'])
    expect(server).not.toMatch(new RegExp(`^ +${secret}:`, 'm'));
});
