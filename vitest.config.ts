import { defineConfig } from 'vitest/config';

interface Project {
  /** What a test, or a hook that starts servers, may take. It is there for what hangs: how soon a thing has to happen is the test's own to say. */
  readonly seconds: number;
  /** Its files run beside each other. */
  readonly parallel: boolean;
  /** Default: all of the folder of its name. */
  readonly files?: string | readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const PAGES = 'test/e2e/web-*.test.ts';
/** The suites that ask the API, once more through the public port of the all-in-one. */
const API = ['accounts', 'conversations', 'limits', 'match', 'operations', 'rooms', 'rooms-history', 'services'].map(
  (suite) => `test/integration/api-${suite}.test.ts`,
);
const PROJECTS: Readonly<Record<string, Project>> = {
  unit: { seconds: 60, parallel: true },
  contract: { seconds: 60, parallel: true },
  integration: { seconds: 120, parallel: true },
  doors: { seconds: 120, parallel: true, files: API, env: { API_DOOR: 'uws' } },
  e2e: { seconds: 120, parallel: false },
  // No test of a page says how soon the hub has to do a thing.
  web: { seconds: 120, parallel: true, files: PAGES },
  chaos: { seconds: 180, parallel: false },
};

/** How long `expect.poll` goes on looking, milliseconds. */
const POLL_MS = 30_000;

export default defineConfig({
  test: {
    // One project after the other: chaos beside a test that measures seconds would make both lie.
    projects: Object.entries(PROJECTS).map(([name, { seconds, parallel, env = {}, files = `test/${name}/**/*.test.ts` }], order) => ({
      test: {
        name,
        include: [files].flat(),
        env: { ...env },
        exclude: name === 'e2e' ? [PAGES] : [],
        environment: 'node',
        pool: 'forks',
        fileParallelism: parallel,
        sequence: { groupOrder: order },
        testTimeout: seconds * 1000,
        hookTimeout: seconds * 1000,
        globalSetup: [
          ...(name === 'unit' ? [] : ['test/support/postgres-global.ts']),
          ...(name === 'e2e' || name === 'web' ? ['test/support/web-global.ts'] : []),
        ],
        restoreMocks: true,
        expect: { poll: { timeout: POLL_MS } },
      },
    })),
    maxWorkers: 2,
  },
});
