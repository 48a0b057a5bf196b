// A file that does nothing but take room: on a full disk SQLite cannot even delete, so there must be something to give up first.
import { randomBytes } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import { open, rm, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Enough to copy a full log into the file, which then gives the log's own room back. */
const BALLAST_BYTES = 8 * 1024 * 1024;
/** Room there must be beside the ballast before writing starts again, so that the store does not fill up again at once. */
const MARGIN_BYTES = 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;

export interface Ballast {
  /** True when it lies there, whole. Rejects only for reasons other than room. */
  lay(): Promise<boolean>;
  release(): void;
}

/** Random bytes, because a compressing file system would store zeros in no room at all. */
export function createBallast(path: string): Ballast {
  async function write(): Promise<void> {
    const file = await open(path, 'w', 0o600);
    try {
      for (let done = 0; done < BALLAST_BYTES; done += CHUNK_BYTES) await file.write(randomBytes(CHUNK_BYTES));
    } finally {
      await file.close();
    }
  }

  return {
    async lay() {
      if (statSync(path, { throwIfNoEntry: false })?.size === BALLAST_BYTES) return true;
      const disk = await statfs(dirname(path));
      if (disk.bavail * disk.bsize < BALLAST_BYTES + MARGIN_BYTES) return false;
      try {
        await write();
        return true;
      } catch (error) {
        await rm(path, { force: true });
        if (isNoSpace(error)) return false;
        throw error;
      }
    },
    release: () => rmSync(path, { force: true }),
  };
}

const isNoSpace = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
