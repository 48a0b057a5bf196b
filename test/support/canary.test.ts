import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeCanaries, scanForCanaries, scanText } from './canary.ts';
import { temporaryFolder } from './server-process.ts';

test('canaries are distinct and plain', () => {
  const canaries = makeCanaries(500);
  expect(new Set(canaries).size).toBe(500);
  for (const canary of canaries) expect(canary).toMatch(/^[A-Za-z0-9]{24}$/);
});

test('a canary is found in every encoding, at every base64 alignment, in the middle of other bytes', () => {
  const [canary = '', other = ''] = makeCanaries(2);
  const folder = temporaryFolder('canary');
  mkdirSync(join(folder, 'deep', 'er'), { recursive: true });
  const noise = (bytes: number) => Buffer.alloc(bytes, 0xa7);
  const shapes: Record<string, Buffer> = {
    raw: Buffer.from(`"text":"${canary}"`),
    hex: Buffer.from(Buffer.from(`x${canary}`).toString('hex')),
    upper: Buffer.from(Buffer.from(canary).toString('hex').toUpperCase()),
    utf16le: Buffer.from(canary, 'utf16le'),
    utf16be: Buffer.from(canary, 'utf16le').swap16(),
    base64a: Buffer.from(Buffer.from(`{"a":"${canary}"}`).toString('base64')),
    base64b: Buffer.from(Buffer.from(`{"aa":"${canary}"}`).toString('base64')),
    base64c: Buffer.from(Buffer.from(`{"aaa":"${canary}"}`).toString('base64url')),
  };
  for (const [name, bytes] of Object.entries(shapes))
    writeFileSync(join(folder, 'deep', 'er', name), Buffer.concat([noise(1001), bytes, noise(7)]));
  const scan = scanForCanaries(folder, [canary, other]);
  rmSync(folder, { recursive: true });
  expect(scan.files).toBe(Object.keys(shapes).length);
  const files = scan.sightings.map((sighting) => sighting.where.split('/').at(-1));
  expect([...new Set(files)].sort()).toEqual(Object.keys(shapes).sort());
  expect(scan.sightings.every((sighting) => sighting.canary === canary)).toBe(true);
});

test('a clean text has no sightings, and a file name counts', () => {
  const [canary = ''] = makeCanaries(1);
  expect(scanText(`nothing to see ${canary.slice(0, 20)}`, 'here', [canary])).toEqual([]);
  const folder = temporaryFolder('canary');
  writeFileSync(join(folder, `${canary}.txt`), 'x');
  expect(scanForCanaries(folder, [canary]).sightings).toHaveLength(1);
  rmSync(folder, { recursive: true });
});
