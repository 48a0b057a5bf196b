import { homedir } from 'node:os';

/** `~`; undefined for a user without one: a number that no passwd knows, without HOME, as `DynamicUser=` and `docker run --user` make them. */
export function userFolder(read: () => string = homedir): string | undefined {
  try {
    return read() || undefined;
  } catch {
    // ENOENT of the user, not of the folder.
    return undefined;
  }
}
