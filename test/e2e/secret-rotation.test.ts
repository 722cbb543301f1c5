import { afterAll, beforeAll, expect, it } from 'vitest';
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
/** On each of two gateways. */
const USERS = 4;
/** Long enough for so few, however slow the machine. */
const DRAIN_SECONDS = '30';

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
