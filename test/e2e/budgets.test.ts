import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { type ChatClient, ReplyError } from '#test/support/chat-client.ts';
import { rawFrame } from '#test/support/raw-frame.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { TestHub } from '#test/support/test-hub.ts';

/** Nothing to speak of comes back while a test runs. */
const BURST = 65_536;
const PAGES = 5;
const CONNECTIONS = 8;

let hub: TestHub<RedisServer>;
TestHub.showLogs(() => hub);
beforeAll(async () => {
  const env = {
    DATA_MAX_BYTES: '4096',
    USER_BYTES_PER_SECOND: '1',
    USER_BYTES_BURST: String(BURST),
    HISTORY_PAGES_PER_SECOND: String(PAGES),
    NEW_ROOMS_PER_MINUTE: '3',
    CONNECTIONS_PER_ADDRESS: String(CONNECTIONS),
    TRUSTED_PROXY_HOPS: '1',
    PINGS_PER_SECOND: '5',
  };
  hub = await TestHub.single({ gateways: 2, env });
});
afterEach(() => hub.clear());
afterAll(() => hub?.stop());

/** The code of the error that answers, or `ok`. */
async function outcome(answer: Promise<unknown>): Promise<ReplyError | 'ok'> {
  try {
    await answer;
    return 'ok';
  } catch (error) {
    if (error instanceof ReplyError) return error;
    throw error;
  }
}

describe('[F2] the data of a message', () => {
  it('has at most DATA_MAX_BYTES bytes of JSON; the connection lives', async () => {
    const ada = await hub.client('ada-data');
    await ada.join('open:data');
    const fits = 'é'.repeat((4096 - 2) / 2);
    await ada.message('open:data', 'x', { data: fits });
    const refused = await outcome(ada.message('open:data', 'x', { data: `${fits}a` }));
    expect(refused).toMatchObject({ code: 'MESSAGE_TOO_LONG', frame: { message: expect.stringContaining('4096') } });
    expect((await ada.history('open:data')).messages).toHaveLength(1);
  });
});

describe('[F3] budgets of one user', () => {
  it('bytes of messages are counted over all nodes and connections; another user has their own', async () => {
    const room = 'open:bytes';
    const ada: ChatClient[] = [await hub.client('ada'), await hub.client('ada', 1), await hub.client('ada', 1)];
    for (const one of ada) await one.join(room);
    const data = 'x'.repeat(4000);
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, (_, i) => outcome((ada[i % 3] as ChatClient).message(room, 'x', { data }))),
    );
    const said = outcomes.filter((one) => one === 'ok').length;
    // A frame has some bytes more than its data. What a node drew and is too little for another frame is left over.
    expect(said * 4000).toBeLessThanOrEqual(BURST);
    expect(said).toBeGreaterThanOrEqual(Math.floor(BURST / 4100) - 2);
    for (const refused of outcomes.filter((one) => one !== 'ok'))
      expect(refused).toMatchObject({ code: 'RATE_LIMITED', frame: { retryable: true, retryAfter: expect.any(Number) } });
    const bob = await hub.client('bob', 1);
    await bob.join(room);
    await bob.message(room, 'x', { data });
    expect(await hub.gateway(0).metric('parley_rate_limited_total', 'limit="bytes"')).toBeGreaterThan(0);
  });

  it('pages of history are counted over the connections of a node', async () => {
    const room = 'open:pages';
    const cleo = [await hub.client('cleo'), await hub.client('cleo')] as const;
    await cleo[0].join(room);
    const asked = Array.from({ length: 40 }, (_, i) => outcome(cleo[i % 2 ? 1 : 0].history(room)));
    const outcomes = await Promise.all(asked);
    expect(outcomes.filter((one) => one === 'ok').length).toBeGreaterThanOrEqual(PAGES);
    const refused = outcomes.find((one) => one !== 'ok');
    expect(refused).toMatchObject({ code: 'RATE_LIMITED', frame: { retryAfter: expect.any(Number) } });
    await expect.poll(() => outcome(cleo[0].history(room))).toBe('ok');
  });

  it('of new rooms there are so many a minute; rooms that exist are entered all the same', async () => {
    const [dora, emil] = [await hub.client('dora'), await hub.client('emil')];
    await emil.join('open:there');
    const names = ['open:n1', 'open:n2', 'open:n3', 'open:n4', 'open:n5', 'open:there', 'park', 'live:n6'];
    const outcomes = await Promise.all(names.map((room) => outcome(dora.join(room))));
    const entered = names.filter((_, i) => outcomes[i] === 'ok');
    expect(entered.filter((name) => name.startsWith('open:n'))).toHaveLength(3);
    expect(entered).toEqual(expect.arrayContaining(['open:there', 'park', 'live:n6']));
    for (const refused of outcomes.filter((one) => one !== 'ok'))
      expect(refused).toMatchObject({ code: 'RATE_LIMITED', frame: { message: expect.stringContaining('NEW_ROOMS_PER_MINUTE') } });
    // What was begun by another user meanwhile is there.
    const [missing = ''] = names.slice(0, 5).filter((name) => !entered.includes(name));
    await emil.join(missing);
    await dora.join(missing);
  });
});

describe('[H4] connections of one address', () => {
  it('are limited on each node, and one that ends makes room', async () => {
    const from = (address: string) => ({ headers: { 'X-Forwarded-For': address } });
    const clients = await Promise.all(
      Array.from({ length: CONNECTIONS }, (_, i) => hub.client(`user-${i}`, 0, from(`2001:db8:1:2::${i + 1}`))),
    );
    // The /64 is full, whoever asks; another address and another node are not.
    const refused = hub.client('late', 0, from('2001:db8:1:2:ffff::1'));
    await expect(refused).rejects.toMatchObject({ response: { status: 429, body: expect.stringContaining('CONNECTIONS_PER_ADDRESS') } });
    await hub.client('late', 0, from('2001:db8:1:3::1'));
    await hub.client('late', 1, from('2001:db8:1:2:ffff::1'));
    await clients[0]?.close();
    await expect
      .poll(() =>
        hub.client('late', 0, from('2001:db8:1:2:ffff::1')).then(
          () => 'in',
          () => 'out',
        ),
      )
      .toBe('in');
  });
});

describe('[F3] protocol pings', () => {
  it('are answered up to PINGS_PER_SECOND, pongs that nobody asked for counted; a connection that sends more is closed', async () => {
    const PING = 0x9;
    const PONG = 0xa;
    const [calm, hasty, evasive] = [await hub.client('calm'), await hub.client('hasty'), await hub.client('evasive')];
    for (const [client, opcode, frames] of [
      [calm, PING, 5],
      [hasty, PING, 6],
      [evasive, PONG, 7],
    ] as const) {
      client.raw.socket.cork();
      for (let i = 0; i < frames; i += 1) client.raw.write(rawFrame({ opcode }));
      client.raw.socket.uncork();
    }
    for (const { closed } of [hasty, evasive]) {
      expect(await closed).toMatchObject({ code: 4029, reason: expect.stringContaining('RATE_LIMITED') });
    }
    await calm.onLineNumber();
    expect(calm.connected).toBe(true);
  });
});
