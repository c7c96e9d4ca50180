/** Two projects: `packages` (unit and integration tests beside the code) and `system` (tests/: the built programs from outside). */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Several suites start processes and time out on conditions; a machine with two cores is shared with all of them.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    restoreMocks: true,
    projects: [
      {
        extends: true,
        test: { name: 'packages', include: ['packages/*/src/**/*.test.ts'], exclude: ['**/node_modules/**'] },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['tests/**/*.test.ts'],
          exclude: ['**/node_modules/**'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // Conditions are waited for, not hoped for: the machine may be busy.
          expect: { poll: { timeout: 30_000, interval: 100 } },
          // They start whole installations; one after the other, they stay within their time.
          fileParallelism: false,
        },
      },
    ],
  },
});
