import { beforeEach, describe, expect, test } from 'vitest';
import { ByteCredit, UserBytes } from '#libs/hub/limits/user-bytes.ts';
import { type Draw, type TokenBuckets, TokenBucketsMemory } from '#libs/limits/token-buckets.ts';
import { HubError } from '#libs/protocol/errors.ts';

const SIZE = { rate: 1000, burst: 10_000 };

let now = 0;
let draws: number;
let refused: number;
let buckets: TokenBuckets;

beforeEach(() => {
  [now, draws, refused] = [0, 0, 0];
  const memory = new TokenBucketsMemory(() => now);
  buckets = {
    draw: (...args) => {
      draws += 1;
      return memory.draw(...args);
    },
  };
});

/** One of several nodes: its users, and the buckets that all share. */
function node(rate = SIZE.rate): UserBytes {
  const refuse = (): void => {
    refused += 1;
  };
  return new UserBytes({ ...SIZE, rate, buckets, steady: () => now, refused: refuse });
}

/** As the publisher does: bytes that are there, otherwise drawn ones. */
async function take(bytes: UserBytes, of: ReturnType<typeof user>, amount: number): Promise<void> {
  if (!bytes.take(of, amount)) await bytes.draw(of, amount);
}

const user = (id = 'ada') => ({ id, credit: new ByteCredit() });
const limited = (retryAfter: number): unknown => expect.objectContaining({ code: 'RATE_LIMITED', retryAfter });

describe('the bytes of a user', () => {
  test('[F3] the burst is there at once, to the byte, then the rate', async () => {
    const [bytes, ada] = [node(), user()];
    for (let i = 0; i < 10; i += 1) await take(bytes, ada, 1000);
    await expect(take(bytes, ada, 500)).rejects.toThrow(limited(0.5));
    now += 499;
    expect(() => bytes.take(ada, 500)).toThrow(limited(0.001));
    now += 1;
    await take(bytes, ada, 500);
    await expect(take(bytes, ada, 1)).rejects.toThrow(limited(0.001));
    expect(refused).toBe(3);
  });

  test('[F3] many small messages ask seldom, and are let through at once', async () => {
    const [bytes, ada] = [node(), user()];
    let waited = 0;
    for (let i = 0; i < 100; i += 1) {
      if (bytes.take(ada, 100)) continue;
      waited += 1;
      await bytes.draw(ada, 100);
    }
    expect(waited).toBe(draws);
    expect(draws).toBeLessThan(6);
    await expect(take(bytes, ada, 100)).rejects.toThrow(limited(0.1));
  });

  test('[F3] several nodes hold a user to one bucket, and another user to one of their own', async () => {
    const nodes = [node(), node(), node()];
    const seats = nodes.map(() => user());
    let sent = 0;
    const send = async (i: number): Promise<void> => {
      await take(nodes[i] ?? node(), seats[i] ?? user(), 100);
      sent += 100;
    };
    await Promise.allSettled(Array.from({ length: 600 }, (_, n) => send(n % 3)));
    // A node keeps what is too little for the next message.
    expect(sent).toBeLessThanOrEqual(SIZE.burst);
    expect(sent).toBeGreaterThan(SIZE.burst - 3 * 100);
    await take(nodes[0] ?? node(), user('bob'), SIZE.burst);
  });

  test('what waits goes on in its order, and one that is refused keeps nobody behind it', async () => {
    const held: ((draw: Draw) => void)[] = [];
    buckets = { draw: () => new Promise((resolve) => held.push(resolve)) };
    const [bytes, ada] = [node(), user()];
    const order: string[] = [];
    const told = ['a', 'b', 'c'].map((name, i) =>
      take(bytes, ada, [300, 5000, 100][i] ?? 0).then(
        () => order.push(name),
        () => order.push(`${name} refused`),
      ),
    );
    const next = async (draw: Draw): Promise<void> => {
      await new Promise(setImmediate);
      held.shift()?.(draw);
    };
    await next({ drawn: 300, waitMs: 0 });
    await next({ drawn: 0, waitMs: 900 });
    await next({ drawn: 100, waitMs: 0 });
    await Promise.all(told);
    expect(order).toEqual(['a', 'b refused', 'c']);
    // While there is nothing, nobody is asked again.
    expect(() => bytes.take(ada, 1)).toThrow(limited(0.9));
    expect(held).toEqual([]);
  });

  test('a backend that is away lets nothing through, and the next message asks again', async () => {
    let away = true;
    buckets = {
      draw: async () => {
        if (away) throw new HubError('UNAVAILABLE');
        return { drawn: 2000, waitMs: 0 };
      },
    };
    const [bytes, ada] = [node(), user()];
    await expect(take(bytes, ada, 1)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    away = false;
    await take(bytes, ada, 1);
    expect(bytes.take(ada, 1)).toBe(true);
  });

  test('a rate of 0 limits nothing and asks nobody', () => {
    const [bytes, ada] = [node(0), user()];
    expect(bytes.take(ada, 1e9)).toBe(true);
    expect(draws).toBe(0);
  });
});
