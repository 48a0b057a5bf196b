import { homedir } from 'node:os';
import { expect, it } from 'vitest';
import { userFolder } from './user-folder.ts';

it('is the home folder, and nothing for a user the machine does not know', () => {
  expect(userFolder()).toBe(homedir());
  expect(userFolder(() => '')).toBeUndefined();
  const unknown = () => {
    throw new Error('uv_os_homedir returned ENOENT');
  };
  expect(userFolder(unknown)).toBeUndefined();
});
