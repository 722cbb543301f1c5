import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import { tabSession } from '#libs/client/environment.ts';
import { ClientStage } from '#test/support/client-stage.ts';

describe('connecting', () => {
  it('[H1] [H2] [H5] offers the protocols and the token, and labels its tab', async () => {
    const stage = await new ClientStage().connected();
    expect(stage.socket.protocols).toEqual(['parley.v1', 'parley.v1+close', 'bearer.token']);
    expect(stage.socket.url.searchParams.get('session')).toBe('uuid-1');
    expect(stage.stored.get('parley.session')).toBe('uuid-1');
    expect(stage.client.welcome).toMatchObject({ node: 'n1' });
  });

  it('[H1] keeps the label over reconnects and reloads, and does without where nothing can be kept', async () => {
    const stage = await new ClientStage().connected();
    await stage.reconnected();
    expect(stage.sockets.map(({ url }) => url.searchParams.get('session'))).toEqual(['uuid-1', 'uuid-1']);
    const kept = new Map<string, string>();
    const storage = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) };
    const [one, other] = [randomUUID(), randomUUID()];
    expect([tabSession(storage, () => one), tabSession(storage, () => other)]).toEqual([one, one]);
    // The hub would refuse what is no UUID, each time.
    kept.set('parley.session', 'of an older program');
    expect([tabSession(storage, () => other), tabSession(storage, () => one)]).toEqual([other, other]);
    const full = {
      getItem: () => null,
      setItem: () => {
        throw new Error('the quota is used up');
      },
    };
    expect(tabSession(full, () => 'fresh')).toBe('fresh');
    expect(tabSession(undefined, () => 'fresh')).toBe('fresh');
  });

  it('tells each state once', async () => {
    const stage = await new ClientStage().connected();
    expect(stage.statuses).toEqual([
      { state: 'connecting', attempt: 1 },
      { state: 'connected', attempt: 1 },
    ]);
    stage.client.connect();
    await stage.advance(0);
    expect(stage.sockets).toHaveLength(1);
  });

  it('gives up an attempt that hangs, wherever it hangs', async () => {
    const stage = new ClientStage();
    stage.client.connect();
    await stage.advance(20_000);
    expect(stage.socket.closedWith).toBe(1000);
    expect(stage.client.status).toMatchObject({ state: 'reconnecting', reason: { code: 'NETWORK' } });
    stage.token = () => new Promise(() => {});
    await stage.advance(10_000);
    expect(stage.asked).toHaveLength(2);
    stage.token = 'token';
    await stage.advance(30_000);
    expect(stage.sockets).toHaveLength(2);
  });

  it('takes an error that no close follows for the end, and a close that does for what it says', async () => {
    const stage = new ClientStage();
    stage.client.connect();
    await stage.advance(0);
    stage.socket.fail();
    await stage.advance(99);
    expect(stage.client.status.state).toBe('connecting');
    await stage.advance(1);
    expect(stage.client.status).toMatchObject({ state: 'reconnecting', reason: { code: 'NETWORK', closeCode: 1006 } });
    await stage.advance(1000);
    stage.socket.fail();
    stage.socket.end(4503, 'ORIGIN_DENIED');
    expect(stage.client.status).toMatchObject({ state: 'refused', reason: { code: 'ORIGIN_DENIED' } });
  });

  it('is refused where it cannot even ask', async () => {
    const stage = new ClientStage({ url: 'not an address' });
    stage.client.connect();
    await stage.advance(0);
    expect(stage.client.status).toMatchObject({ state: 'refused', reason: { code: 'INVALID_REQUEST' } });
  });
});

describe('coming back', () => {
  it('backs off with full jitter, up to the cap', async () => {
    const stage = await new ClientStage().connected();
    const waits: number[] = [];
    stage.random = 0.999;
    for (let i = 0; i < 5; i += 1) {
      stage.socket.end(1006);
      const { retryAt = 0, reason } = stage.client.status;
      waits.push(retryAt - stage.clock.now());
      expect(reason).toEqual({ code: 'NETWORK', closeCode: 1006 });
      await stage.advance(10_000);
    }
    expect(waits).toEqual([1998, 3996, 7992, 9990, 9990]);
    stage.random = 0;
    stage.socket.end(1006);
    expect(stage.client.status.retryAt).toBe(stage.clock.now());
  });

  it('starts anew after a stable minute, and not before', async () => {
    const stage = await new ClientStage().connected();
    await stage.reconnected();
    await stage.advance(59_999);
    expect(stage.client.status.attempt).toBe(2);
    await stage.reconnected();
    expect(stage.client.status.attempt).toBe(3);
    await stage.advance(60_000);
    stage.socket.end(1006);
    expect((stage.client.status.retryAt ?? 0) - stage.clock.now()).toBe(1000);
    await stage.advance(1000);
    expect(stage.client.status.attempt).toBe(1);
  });

  it('gives up after the tries it was given', async () => {
    const stage = new ClientStage({ backoff: { tries: 3, baseMs: 100 } });
    stage.client.connect();
    for (let i = 0; i < 3; i += 1) {
      await stage.advance(1000);
      stage.socket.end(1006);
    }
    await stage.advance(60_000);
    expect(stage.sockets).toHaveLength(3);
    expect(stage.client.status).toMatchObject({ state: 'closed', reason: { code: 'GAVE_UP' } });
  });

  it('is told to try now', async () => {
    const stage = await new ClientStage().connected();
    stage.socket.end(1006);
    stage.client.retryNow();
    await stage.advance(0);
    expect(stage.sockets).toHaveLength(2);
    stage.client.retryNow();
    await stage.advance(0);
    expect(stage.sockets).toHaveLength(2);
  });

  it('asks the address at each attempt', async () => {
    let node = 1;
    const stage = await new ClientStage({ url: () => `wss://n${node}.test/ws/chat?lang=en` }).connected();
    node = 2;
    await stage.reconnected();
    expect(stage.sockets.map(({ url }) => url.host)).toEqual(['n1.test', 'n2.test']);
    expect(stage.socket.url.searchParams.get('lang')).toBe('en');
  });

  it('hears nothing of a line that it has given up', async () => {
    const stage = await new ClientStage().connected();
    const [old] = stage.sockets;
    await stage.reconnected();
    old?.say({ type: 'kicked', reason: 'LOGGED_OUT' });
    old?.end(4510, 'LOGGED_OUT');
    expect(stage.client.status.state).toBe('connected');
  });
});

describe('leaving', () => {
  it('is final', async () => {
    const stage = await new ClientStage().connected();
    const said = stage.client.send('park', 'x');
    const asked = stage.client.online();
    const joined = stage.client.join('park');
    stage.client.close();
    for (const pending of [said, asked, joined]) await expect(pending).rejects.toMatchObject({ code: 'CLOSED' });
    expect(stage.socket.closedWith).toBe(1000);
    expect(stage.client.status).toMatchObject({ state: 'closed', reason: { code: 'CLOSED' } });
    expect(stage.listeners).toBe(0);
    stage.client.connect();
    await stage.advance(60_000);
    expect(stage.sockets).toHaveLength(1);
    await expect(stage.client.send('park', 'x')).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(stage.client.join('park')).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('tells CLOSED also of what the loss of a line would leave open, and of a room that it was leaving nothing', async () => {
    const stage = await new ClientStage().connected();
    await stage.entered('park');
    const left = stage.client.leave('park');
    const renewed = stage.client.refresh();
    await stage.advance(0);
    const late = stage.client.refresh();
    stage.client.close();
    await expect(renewed).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(late).rejects.toMatchObject({ code: 'CLOSED' });
    await left;
  });

  it('also while it waits, and before it began', async () => {
    const stage = await new ClientStage().connected();
    stage.socket.end(1006);
    stage.client.close();
    await stage.advance(60_000);
    expect(stage.sockets).toHaveLength(1);
    const idle = new ClientStage();
    idle.client.close();
    idle.client.connect();
    await idle.advance(60_000);
    expect(idle.sockets).toHaveLength(0);
  });

  it('also while a token is being asked for', async () => {
    const stage = new ClientStage();
    let give = (_: string): void => {};
    stage.token = () =>
      new Promise<string>((resolve) => {
        give = resolve;
      });
    stage.client.connect();
    await stage.advance(0);
    stage.client.close();
    give('late');
    await stage.advance(0);
    expect(stage.sockets).toHaveLength(0);
  });
});
