import { configDefaults, defineConfig } from 'vitest/config';

/** `.ci/run` asks for a machine-readable report beside the readable one. */
const reportFile = process.env.TEST_REPORT_FILE;

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    // They need root and Debian's container tools: npm run test:deploy.
    exclude: [...configDefaults.exclude, 'test/deploy/**'],
    globalSetup: 'test/support/one-temporary-folder.ts',
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // A test that leaves something running is a leak in the product or in the test; both are worth the red.
    teardownTimeout: 5_000,
    ...(reportFile ? { reporters: ['default', 'json'], outputFile: { json: reportFile } } : {}),
  },
});
