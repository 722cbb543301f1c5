import { defineConfig } from 'vitest/config';

interface Project {
  /** What a test, or a hook that starts servers, may take. It is there for what hangs: how soon a thing has to happen is the test's own to say. */
  readonly seconds: number;
  /** So many of its files run beside each other. */
  readonly atOnce: number;
  /** Default: all of the folder of its name. */
  readonly files?: string | readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const PAGES = 'test/e2e/web-*.test.ts';
/**
 * Suites that ask the API, once more through the public port of the all-in-one: together they have
 * every shape of a request. The others ask in no other shape.
 */
const API = ['accounts', 'limits', 'operations', 'rooms', 'services'].map((suite) => `test/integration/api-${suite}.test.ts`);
/** Of several processes, but none says how soon a thing has to happen. */
const UNHURRIED = [
  'chaos/access-lost',
  'chaos/client-troubles',
  'chaos/store-away',
  'chaos/stored-gaps',
  'chaos/stored-kills',
  'e2e/admin',
  'e2e/api-curl',
  'e2e/broken-log',
  'e2e/client',
  'e2e/client-package',
  'e2e/client-single-session',
  'e2e/faults',
  'e2e/handshake-lines',
  'e2e/handshake-refusals',
  'e2e/handshake-tokens',
  'e2e/messages',
  'e2e/metrics',
  'e2e/offline-messages',
  'e2e/open-files',
  'e2e/person-kinds',
  'e2e/private-folder',
  'e2e/private-rooms',
  'e2e/read-only-folder',
  'e2e/rooms',
  'e2e/secret-rotation',
  'e2e/separate-processes',
  'e2e/single-session',
  'e2e/tls',
  'e2e/tls-names',
  'e2e/traces',
  'e2e/user-kinds',
].map((suite) => `test/${suite}.test.ts`);
/** At once where files wait for timers and other processes more than they compute: four keep two cores busy. */
const WAITING = 4;
const PROJECTS: Readonly<Record<string, Project>> = {
  unit: { seconds: 60, atOnce: WAITING },
  contract: { seconds: 60, atOnce: WAITING },
  integration: { seconds: 120, atOnce: WAITING },
  doors: { seconds: 120, atOnce: WAITING, files: API, env: { API_DOOR: 'uws' } },
  unhurried: { seconds: 180, atOnce: WAITING, files: UNHURRIED },
  // The first build takes minutes: it starts with the run, and the test waits for it.
  image: { seconds: 3600, atOnce: WAITING },
  // No test of a page says how soon the hub has to do a thing. Two browsers keep two cores busy.
  web: { seconds: 120, atOnce: 2, files: PAGES },
  // They say how soon things happen, which one neighbour does not change on two cores.
  e2e: { seconds: 120, atOnce: 2 },
  chaos: { seconds: 180, atOnce: 2 },
  // `npm run test:bench` alone runs it: loads of several seconds each.
  bench: { seconds: 120, atOnce: 1 },
  // `npm run test:monitoring` alone runs it: it takes minutes.
  monitoring: { seconds: 300, atOnce: 1 },
  // `npm run test:pages` alone runs it: it takes minutes.
  pages: { seconds: 120, atOnce: 1 },
  // `npm run test:upgrade` alone runs it: it gets the version before with its packages.
  upgrade: { seconds: 300, atOnce: 1 },
  // `npm run test:walk` alone runs it: it shows how long things take.
  walk: { seconds: 300, atOnce: 1 },
};

/** How long `expect.poll` goes on looking, milliseconds. */
const POLL_MS = 30_000;

export default defineConfig({
  test: {
    // First all that waits, in one go, then one project after the other: chaos beside the tests of pages would make both lie.
    projects: Object.entries(PROJECTS).map(([name, { seconds, atOnce, env = {}, files = `test/${name}/**/*.test.ts` }], order) => ({
      test: {
        name,
        include: [files].flat(),
        env: { ...env },
        exclude: name === 'e2e' || name === 'chaos' ? [PAGES, ...UNHURRIED] : [],
        environment: 'node',
        pool: 'forks',
        maxWorkers: atOnce,
        // A unit test leaves nothing behind: its files share a process, which loads what they test once.
        isolate: name !== 'unit',
        sequence: { groupOrder: atOnce === WAITING ? 0 : order },
        testTimeout: seconds * 1000,
        hookTimeout: seconds * 1000,
        globalSetup: [
          ...(name === 'unit' ? [] : ['test/support/stripped-types.mjs', 'test/support/postgres-global.ts']),
          ...(name === 'image' ? ['test/support/image-global.ts'] : []),
          ...(['unhurried', 'e2e', 'web', 'pages', 'walk', 'monitoring'].includes(name) ? ['test/support/web-global.ts'] : []),
        ],
        restoreMocks: true,
        expect: { poll: { timeout: POLL_MS } },
      },
    })),
  },
});
