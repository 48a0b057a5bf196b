import { expect, it } from 'vitest';
import { callName, runnable } from './program-files.ts';

it('commands in a text become ones that can be typed in a clone, and words about Holdfast stay', () => {
  expect(runnable('holdfast stop --force && holdfast start', 'npx holdfast')).toBe('npx holdfast stop --force && npx holdfast start');
  expect(runnable('env -u HOLDFAST_URL holdfast status', 'npx holdfast')).toBe('env -u HOLDFAST_URL npx holdfast status');
  expect(runnable('npx holdfast start; see ~/.holdfast and /opt/holdfast run', 'npx holdfast')).toBe(
    'npx holdfast start; see ~/.holdfast and /opt/holdfast run',
  );
  expect(runnable('holdfast chat -', 'holdfast')).toBe('holdfast chat -');
});

it('is called by its name where it is installed for everybody, and by npx in a clone or a project', () => {
  expect(callName('/usr/local/bin/holdfast')).toBe('holdfast');
  expect(callName('/srv/app/node_modules/.bin/holdfast')).toBe('npx holdfast');
  expect(callName('/srv/clone/bin/holdfast.js')).toBe('npx holdfast');
});
