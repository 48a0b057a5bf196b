import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // A test that leaves something running is a leak in the product or in the test; both are worth the red.
    teardownTimeout: 5_000,
  },
});
