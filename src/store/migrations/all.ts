import { first } from './001-first.ts';
import { minutes } from './002-minutes.ts';
import { keys } from './003-keys.ts';
import type { Migration } from './migration.ts';

/** In order; the last one's version is the schema this program speaks. */
export const allMigrations: readonly Migration[] = [first, minutes, keys];
