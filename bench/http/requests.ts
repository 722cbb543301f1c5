/** What a load of the API asks for. */

/** A request below `/api/v1`. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: object;
}

interface Scenario {
  readonly about: string;
  /** Whether a service asks, not a user. */
  readonly needsKey: boolean;
  /** The n-th request. */
  readonly request: (n: number) => ApiRequest;
}

const ROOMS: ApiRequest = { method: 'GET', path: '/rooms' };
const HISTORY: ApiRequest = { method: 'GET', path: '/rooms/park/messages?limit=50' };
const ONLINE: ApiRequest = { method: 'GET', path: '/online' };
const MIXED = [ROOMS, HISTORY, ONLINE] as const;

/** Scenarios by name. Those of users only read. */
export const SCENARIOS = {
  mixed: { about: 'the three below in turn', needsKey: false, request: (n) => MIXED[n % MIXED.length] ?? ROOMS },
  rooms: { about: 'the list of my rooms', needsKey: false, request: () => ROOMS },
  history: { about: 'the newest 50 messages of park', needsKey: false, request: () => HISTORY },
  online: { about: 'how many are online', needsKey: false, request: () => ONLINE },
  push: {
    about: 'a frame to a user who is not here, as a service with BENCH_API_KEY',
    needsKey: true,
    request: (n) => ({
      method: 'POST',
      path: '/push',
      body: { to: { user: `bench-${n % 1000}` }, type: 'inform', code: 'bench', body: { n } },
    }),
  },
} as const satisfies Readonly<Record<string, Scenario>>;

export type ScenarioName = keyof typeof SCENARIOS;
export const SCENARIO_NAMES = Object.keys(SCENARIOS) as readonly ScenarioName[];

export function isScenario(name: string): name is ScenarioName {
  return Object.hasOwn(SCENARIOS, name);
}
