/**
 * Projects: `packages` (unit and integration tests beside the code), `system` (tests/: the built programs from outside) and `lab`
 * (real servers, see tests/lab), which needs root and runs only when it is asked for: `npm run test:lab`.
 */
import { defineConfig } from 'vitest/config';

const lab = {
  extends: true as const,
  test: {
    name: 'lab',
    include: ['tests/lab/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    testTimeout: 300_000,
    // The first lab makes its image, from packages that it downloads.
    hookTimeout: 900_000,
    expect: { poll: { timeout: 60_000, interval: 100 } },
    fileParallelism: false,
  },
};

export default defineConfig({
  test: {
    // Several suites start processes and time out on conditions; a machine with two cores is shared with all of them.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 20_000, interval: 50 } },
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
          exclude: ['**/node_modules/**', 'tests/lab/**'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // Conditions are waited for, not hoped for: the machine may be busy.
          expect: { poll: { timeout: 30_000, interval: 100 } },
          // They start whole installations; one after the other, they stay within their time.
          fileParallelism: false,
        },
      },
      // `vitest run` runs all projects, so this one is there only where it was named.
      ...(process.argv.includes('lab') ? [lab] : []),
    ],
  },
});
