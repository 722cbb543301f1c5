import { defineConfig } from 'vitest/config';

/** Seconds a test, or a hook that starts servers, may take; and whether the project's files run beside each other. */
const PROJECTS = {
  unit: { seconds: 10, parallel: true },
  contract: { seconds: 30, parallel: true },
  integration: { seconds: 60, parallel: true },
  e2e: { seconds: 90, parallel: false },
  chaos: { seconds: 180, parallel: false },
} as const;

export default defineConfig({
  test: {
    // One project after the other: chaos beside a test that measures seconds would make both lie.
    projects: Object.entries(PROJECTS).map(([name, { seconds, parallel }], order) => ({
      test: {
        name,
        include: [`test/${name}/**/*.test.ts`],
        environment: 'node',
        pool: 'forks',
        fileParallelism: parallel,
        sequence: { groupOrder: order },
        testTimeout: seconds * 1000,
        hookTimeout: seconds * 1000,
        globalSetup: [
          ...(name === 'unit' ? [] : ['test/support/postgres-global.ts']),
          ...(name === 'e2e' ? ['test/support/web-global.ts'] : []),
        ],
        restoreMocks: true,
      },
    })),
    maxWorkers: 2,
  },
});
