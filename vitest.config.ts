import { defineConfig } from 'vitest/config';

/**
 * Seconds a test, or a hook that starts servers, may take; and whether the project's files run beside each other. They are there for what hangs:
 * how soon a thing has to happen is the test's own to say.
 */
const PROJECTS = {
  unit: { seconds: 60, parallel: true },
  contract: { seconds: 60, parallel: true },
  integration: { seconds: 120, parallel: true },
  e2e: { seconds: 120, parallel: false },
  chaos: { seconds: 180, parallel: false },
} as const;

/** How long `expect.poll` goes on looking, milliseconds. */
const POLL_MS = 30_000;

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
        expect: { poll: { timeout: POLL_MS } },
      },
    })),
    maxWorkers: 2,
  },
});
