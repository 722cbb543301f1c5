import { describe, expect, it } from 'vitest';

import { ClientStage } from '#test/support/client-stage.ts';

describe('a line that looks open', () => {
  it('is asked after the silence of a heartbeat, and given up where nothing comes', async () => {
    const stage = await new ClientStage().connected({ heartbeat: 25 });
    stage.socket.alive = false;
    await stage.advance(24_999);
    expect(stage.socket.of('ping')).toHaveLength(0);
    await stage.advance(1);
    expect(stage.socket.of('ping')).toHaveLength(1);
    await stage.advance(7999);
    expect(stage.client.status.state).toBe('connected');
    await stage.advance(1);
    expect(stage.client.status).toMatchObject({ state: 'reconnecting', reason: { code: 'SILENT' } });
    expect(stage.socket.closedWith).toBe(1000);
  });

  it('is not asked while something comes', async () => {
    const stage = await new ClientStage().connected({ heartbeat: 25 });
    for (let i = 0; i < 10; i += 1) {
      await stage.advance(20_000);
      stage.socket.say({ type: 'online', count: i });
    }
    expect(stage.socket.of('ping')).toHaveLength(0);
  });

  it('that answers is asked once a heartbeat', async () => {
    const stage = await new ClientStage().connected({ heartbeat: 25 });
    await stage.advance(100_000);
    expect(stage.socket.of('ping')).toHaveLength(4);
    expect(stage.client.status.state).toBe('connected');
  });

  it('any frame is an answer', async () => {
    const stage = await new ClientStage().connected({ heartbeat: 25 });
    stage.socket.alive = false;
    await stage.advance(25_000);
    stage.socket.say({ type: 'online', count: 1 });
    await stage.advance(8000);
    expect(stage.client.status.state).toBe('connected');
  });

  it.each(['online', 'offline', 'wake'] as const)('is asked at once when the browser tells %s, and has three seconds', async (signal) => {
    const stage = await new ClientStage().connected();
    stage.socket.alive = false;
    stage.signal(signal);
    stage.signal(signal);
    expect(stage.socket.of('ping')).toHaveLength(1);
    await stage.advance(2999);
    expect(stage.client.status.state).toBe('connected');
    await stage.advance(1);
    expect(stage.client.status).toMatchObject({ state: 'reconnecting', reason: { code: 'SILENT' } });
  });

  it('has less time than it had where the browser gives a reason to doubt', async () => {
    const stage = await new ClientStage().connected({ heartbeat: 25 });
    stage.socket.alive = false;
    await stage.advance(25_000);
    stage.signal('wake');
    expect(stage.socket.of('ping')).toHaveLength(1);
    await stage.advance(3000);
    expect(stage.client.status.state).toBe('reconnecting');
  });

  it('is asked at once when the machine slept', async () => {
    const stage = await new ClientStage().connected({ heartbeat: 25 });
    stage.socket.alive = false;
    await stage.clock.sleep(3_600_000);
    expect(stage.socket.of('ping')).toHaveLength(1);
    await stage.advance(3000);
    expect(stage.client.status.state).toBe('reconnecting');
  });
});

describe('no network', () => {
  it('is told as offline while it waits, and tried again all the same', async () => {
    const stage = await new ClientStage().connected();
    stage.online = false;
    stage.socket.end(1006);
    expect(stage.client.status).toMatchObject({ state: 'offline', retryAt: stage.clock.now() + 1000 });
    await stage.advance(1000);
    expect(stage.client.status.state).toBe('reconnecting');
    expect(stage.sockets).toHaveLength(2);
  });

  it('that ends makes it try at once', async () => {
    const stage = await new ClientStage().connected();
    stage.socket.end(1006);
    stage.online = false;
    stage.signal('offline');
    expect(stage.client.status.state).toBe('offline');
    stage.online = true;
    stage.signal('online');
    await stage.advance(0);
    expect(stage.sockets).toHaveLength(2);
  });

  it('looking at the page again does not cut a wait short', async () => {
    const stage = await new ClientStage().connected();
    stage.socket.end(4029, 'RATE_LIMITED 60');
    stage.signal('wake');
    await stage.advance(0);
    expect(stage.sockets).toHaveLength(1);
  });
});
