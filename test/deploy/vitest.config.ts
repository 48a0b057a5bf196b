// `npm run test:deploy`: what needs root and Debian's container tools, apart from the suite that runs everywhere.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/deploy/*.test.ts'],
    globalSetup: 'test/support/one-temporary-folder.ts',
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 600_000,
  },
});
