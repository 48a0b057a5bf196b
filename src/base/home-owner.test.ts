import { chownSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { homePaths, prepareHome } from './home.ts';
import { closedHomeOwner, foreignHome, otherOwner } from './home-owner.ts';

const isRoot = process.getuid?.() === 0;

test('a home that can be looked into has no other owner to send people to', () => {
  const paths = prepareHome(join(mkdtempSync(join(tmpdir(), 'holdfast-owner-')), 'home'));
  expect(closedHomeOwner(paths)).toBeUndefined();
  expect(otherOwner(paths.home)).toBeUndefined();
  expect(closedHomeOwner(homePaths(join(paths.home, 'absent')))).toBeUndefined();
});

test('the advice about a home of somebody else is to act as them, never to take it', () => {
  expect(foreignHome("/srv/it's", { uid: 0, user: 'root' })).toEqual({
    cause: "This home belongs to root (/srv/it's).",
    fix: `sudo -u root env HOLDFAST_HOME='/srv/it'\\''s' holdfast status   # and every other command in the same way`,
  });
  expect(foreignHome('/srv/home', { uid: 4711, user: undefined }).fix).toMatch(/^ls -ldn/);
});

test.runIf(isRoot)('an owner that no user of this machine is has no name', () => {
  const paths = prepareHome(join(mkdtempSync(join(tmpdir(), 'holdfast-owner-')), 'home'));
  chownSync(paths.home, 4_711, 4_711);
  expect(otherOwner(paths.home)).toEqual({ uid: 4_711, user: undefined });
});
