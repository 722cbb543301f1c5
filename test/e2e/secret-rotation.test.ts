import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ApiProcess } from '#test/support/api-process.ts';
import { ChatClient } from '#test/support/chat-client.ts';
import { Crowd } from '#test/support/crowd.ts';
import type { GatewayProcess } from '#test/support/gateway-process.ts';
import { signToken } from '#test/support/jwt.ts';
import { Random } from '#test/support/random.ts';
import { RefusedError } from '#test/support/raw-client.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';

const OLD = 'the-secret-before-the-rotation-0123456789-abc';
const NEW = 'the-secret-after-the-rotation-9876543210-xyz';
/** The keys of a service. */
const OLD_KEY = 'the-key-before-the-rotation-0123456789-abc';
const NEW_KEY = 'the-key-after-the-rotation-9876543210-xyz';
/** On each of two gateways. */
const USERS = 4;
/** Long enough for so few, however slow the machine. */
const DRAIN_SECONDS = '30';
/** Between two requests of one asker, milliseconds: the instances that start need the processor, too. */
const PAUSE_MS = 15;

let hub: TestHub<RedisServer>;
TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.single({ gateways: 2, env: { JWT_SECRET: OLD, DRAIN_SECONDS } });
});
afterAll(() => hub?.stop());

/** Whether a gateway lets a token of this secret in. Rejects if something else is wrong. */
async function accepts(gateway: GatewayProcess, secret: string): Promise<boolean> {
  try {
    const client = await ChatClient.connect(gateway.url, 'probe', { token: signToken({ sub: 'probe' }, secret) });
    await client.close();
    return true;
  } catch (error) {
    if (error instanceof RefusedError && error.response.status === 401) return false;
    throw error;
  }
}

it('[H3] [D1] two gateways change their secret amid traffic: nobody is refused, nothing is lost', async () => {
  const random = Random.fromEnvironment('secret-rotation');
  let serving: readonly GatewayProcess[] = [...hub.gateways];
  let signing: readonly [string, ...string[]] = [OLD];
  const crowd = await Crowd.gather({
    room: 'rotation',
    random,
    on: hub.gateways.flatMap((gateway) => Array.from({ length: USERS }, () => gateway)),
    back: () => random.pick(serving).url,
    tokenFor: (user) => signToken({ sub: user }, random.pick(signing)),
  });
  /** Replaces one gateway after the other: for a while both settings are in use. */
  const deploy = async (JWT_SECRET: string): Promise<void> => {
    const leaving = serving;
    const coming = await Promise.all(leaving.map(() => hub.add({ JWT_SECRET })));
    for (const [place, gateway] of leaving.entries()) {
      serving = [...leaving.slice(place + 1), ...coming];
      // Read before it goes: nobody showed it a token that it does not know.
      expect(await gateway.metric('parley_tokens_refused_total')).toBe(0);
      expect(await gateway.term()).toBe(0);
      await until(() => crowd.clients.every(({ connected }) => connected), { timeoutMs: 60_000, describe: 'all came back' });
      await crowd.progress(10);
    }
  };
  try {
    crowd.talk(60);
    await crowd.progress(40);
    await deploy(`${OLD},${NEW}`);
    // From here on one instance of the API signs with the one secret, another with the other.
    signing = [OLD, NEW];
    await deploy(`${NEW},${OLD}`);
    for (const gateway of serving) expect([await accepts(gateway, OLD), await accepts(gateway, NEW)]).toEqual([true, true]);
    signing = [NEW];
    await deploy(NEW);
    await crowd.rest();
    expect(crowd.compare()).toMatchObject({ violations: [], told: 0 });
    for (const { user, closes } of crowd.clients) {
      expect(
        closes.filter(({ code }) => code !== 'DRAINING'),
        `${user} was sent away by deploys alone`,
      ).toEqual([]);
    }
    for (const gateway of serving) {
      expect(await gateway.metric('parley_tokens_refused_total')).toBe(0);
      expect([await accepts(gateway, OLD), await accepts(gateway, NEW)]).toEqual([false, true]);
    }
  } finally {
    await crowd.close();
  }
});

it('[A6] [H3] two instances of the API change their secret and a service its key amid requests: none is refused', async () => {
  const random = Random.fromEnvironment('secret-rotation-api');
  const start = (env: Readonly<Record<string, string>>): Promise<[ApiProcess, ApiProcess]> =>
    Promise.all([0, 1].map(() => ApiProcess.start({ ...hub.settings, ALLOW_GUESTS: 'on', ...env }))) as Promise<[ApiProcess, ApiProcess]>;
  let serving: ApiProcess[] = await start({ JWT_SECRET: OLD, API_KEYS: `shop:${OLD_KEY}` });
  let keys = [OLD_KEY];
  const refused: string[] = [];
  let answers = 0;
  let over = false;
  /** Requests of each running instance: one that leaves has answered all of them. */
  const pending = new Map<ApiProcess, number>();
  const ask = async (what: string, request: (api: ApiProcess) => Promise<Response>): Promise<unknown> => {
    const api = random.pick(serving);
    pending.set(api, (pending.get(api) ?? 0) + 1);
    try {
      const answer = await request(api);
      const body: unknown = await answer.json();
      if (!answer.ok) refused.push(`${what}: ${answer.status} ${JSON.stringify(body)}`);
      answers += 1;
      return body;
    } finally {
      pending.set(api, (pending.get(api) ?? 0) - 1);
    }
  };
  const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
  const service = async (): Promise<void> => {
    while (!over) {
      await delay(PAUSE_MS);
      const key = random.pick(keys);
      await ask('a service publishes', (api) => api.post('/publish', { room: 'rotation-api', text: 'hello' }, bearer(key)));
    }
  };
  const guests: Login[] = [];
  const person = async (name: string): Promise<void> => {
    const login = (await ask('a guest enters', (api) => api.post('/guests', { name }))) as Login;
    guests.push(login);
    while (!over) {
      await delay(PAUSE_MS);
      await ask('a guest asks', (api) => api.get('/api/v1/rooms', bearer(login.token)));
      if (login.renew) {
        login.renew = false;
        Object.assign(login, await ask('a guest renews', (api) => api.post('/auth/refresh', { refresh: login.refresh })));
      }
    }
  };
  /** Waits for requests that begin now. */
  const progress = async (): Promise<void> => {
    const before = answers;
    await until(() => answers >= before + 60 || refused.length > 0, { timeoutMs: 60_000, describe: '60 answers' });
  };
  const deploy = async (env: Readonly<Record<string, string>>): Promise<void> => {
    const coming = await start(env);
    for (const [place, leaving] of serving.slice().entries()) {
      serving = [...serving.filter((api) => api !== leaving), ...coming.slice(place, place + 1)];
      await progress();
      await until(() => pending.get(leaving) === 0, { timeoutMs: 60_000, describe: 'the leaving instance answered' });
      expect(await leaving.stop()).toBe(0);
    }
  };
  /** Every token is one of the secret that signs now. */
  const renewAll = async (): Promise<void> => {
    for (const guest of guests) guest.renew = true;
    await until(() => guests.every(({ renew }) => !renew) || refused.length > 0, { timeoutMs: 60_000, describe: 'all renewed' });
    await progress();
  };
  const load = [...['Ada', 'Bob', 'Cee'].map(person), service(), service()];
  try {
    await progress();
    await deploy({ JWT_SECRET: `${OLD},${NEW}`, API_KEYS: `shop:${OLD_KEY},shop:${NEW_KEY}` });
    keys = [OLD_KEY, NEW_KEY];
    await progress();
    const before = guests.map(({ token }) => token);
    // One signs with the one secret while the other signs with the other.
    await deploy({ JWT_SECRET: `${NEW},${OLD}`, API_KEYS: `shop:${OLD_KEY},shop:${NEW_KEY}` });
    await renewAll();
    keys = [NEW_KEY];
    await progress();
    await deploy({ JWT_SECRET: NEW, API_KEYS: `shop:${NEW_KEY}` });
    expect(refused).toEqual([]);
    over = true;
    await Promise.all(load);
    expect(refused).toEqual([]);
    // What is out of use is worth nothing.
    for (const api of serving) {
      for (const [n, token] of before.entries()) {
        expect((await api.get('/api/v1/rooms', bearer(token))).status).toBe(401);
        expect((await api.get('/api/v1/rooms', bearer(guests[n]?.token ?? ''))).status).toBe(200);
      }
      expect((await api.post('/publish', { room: 'rotation-api', text: 'hello' }, bearer(OLD_KEY))).status).toBe(401);
    }
  } finally {
    over = true;
    await Promise.allSettled(load);
    await Promise.all(serving.map((api) => api.stop()));
  }
});

/** A guest's login. */
interface Login {
  token: string;
  refresh: string;
  /** Whether to renew it before the next request. */
  renew?: boolean;
}
