import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { prepareHome } from '../base/home.ts';
import { Secret } from '../base/secret.ts';
import { generateMasterKey, parseMasterKey } from '../crypto/master-key.ts';
import { keyInForceFinding } from './key-in-force.ts';

test('a running agent says when the next start would not find its master key', () => {
  const paths = prepareHome(join(mkdtempSync(join(tmpdir(), 'holdfast-key-')), 'home'));
  const [text, other] = [generateMasterKey(), generateMasterKey()];
  let explicit: Secret | undefined;
  const look = () => keyInForceFinding({ paths, key: parseMasterKey(text), nextMasterKey: () => explicit });
  writeFileSync(paths.masterKey, `${text}\n`);
  expect(look().severity).toBe('ok');
  rmSync(paths.masterKey);
  expect(look()).toMatchObject({
    severity: 'error',
    cause: expect.stringMatching(/^The key file is gone.*still has the right key in memory/),
    fix: expect.stringContaining('do not stop the agent'),
  });
  for (const wrong of [other, 'nonsense']) {
    writeFileSync(paths.masterKey, wrong);
    expect(look().severity).toBe('error');
  }
  explicit = new Secret(text);
  expect(look().severity).toBe('ok');
  explicit = new Secret(other);
  expect(look().cause).toContain('HOLDFAST_MASTER_KEY is not the key this agent works with');
});
