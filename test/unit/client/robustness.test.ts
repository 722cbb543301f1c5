import { describe, expect, it } from 'vitest';

import { systemClock, Timer } from '#libs/client/timer.ts';
import { ClientStage, page } from '#test/support/client-stage.ts';

const texts = (stage: ClientStage): unknown[] => stage.socket.of('message').map(({ text }) => text);

describe('what the hub would never send', () => {
  it.each(['', 'no frame', 'null', '[]', '{"type":7}', new Uint8Array(3)])('%o is passed over', async (data) => {
    const stage = await new ClientStage().connected();
    const frames: unknown[] = [];
    stage.client.on('frame', (frame) => frames.push(frame));
    stage.socket.hears(data);
    expect([frames, stage.client.status.state]).toEqual([[], 'connected']);
  });
});

describe('what no frame can carry', () => {
  it('is refused at once, and holds up nothing', async () => {
    const stage = await new ClientStage().connected();
    const circle: { self?: unknown } = {};
    circle.self = circle;
    for (const data of [1n, circle]) await expect(stage.client.send('dm:x', 'x', { data })).rejects.toBeInstanceOf(TypeError);
    await expect(stage.client.send('dm:x', 'x', { id: 'i'.repeat(65) })).rejects.toBeInstanceOf(RangeError);
    void stage.client.send('dm:x', 'after');
    const socket = await stage.reconnected();
    expect(socket.of('message').map(({ text }) => text)).toEqual(['after']);
  });

  it('what is changed after it was sent is sent again as it was', async () => {
    const stage = await new ClientStage().connected();
    const data = { mood: 'fine' };
    void stage.client.send('dm:x', 'x', { data });
    data.mood = 'worse';
    const socket = await stage.reconnected();
    expect(socket.last('message').data).toEqual({ mood: 'fine' });
  });

  it('a join of several rooms that is refused as a whole is asked for room by room', async () => {
    const stage = await new ClientStage().connected();
    const answers = stage.client.joinAll([{ room: 'park' }, { room: 'no name' }]);
    const error = { type: 'error', code: 'INVALID_REQUEST', message: 'no name', retryable: false };
    stage.socket.say({ ...error, id: stage.socket.last('join').id });
    const [, park, other] = stage.socket.of('join');
    expect([park?.room, other?.room]).toEqual(['park', 'no name']);
    stage.socket.say({ type: 'joined', id: park?.id, room: 'park', count: 1, recovered: false, messages: [], more: false });
    stage.socket.say({ ...error, id: other?.id });
    expect(await answers).toMatchObject([{ status: 'fulfilled' }, { status: 'rejected', reason: { code: 'INVALID_REQUEST' } }]);
    await stage.advance(60_000);
    expect(stage.sockets).toHaveLength(1);
  });
});

describe('listeners', () => {
  it('hear nothing after close, also where it was called among several messages', async () => {
    const stage = await new ClientStage().connected();
    await stage.entered('park', 1);
    const heard: unknown[] = [];
    await stage.reconnected();
    stage.client.on('message', ({ offset }) => {
      heard.push(offset);
      stage.client.close();
    });
    stage.client.on('joined', ({ room }) => heard.push(room));
    stage.client.on('status', ({ state }) => heard.push(state));
    stage.joined('park', { offset: 4, recovered: true, messages: page('park', 2, 4) });
    await stage.advance(60_000);
    expect(heard).toEqual([2, 'closed']);
  });

  it('hear nothing more of a room that one of them leaves', async () => {
    const stage = await new ClientStage().connected();
    await stage.entered('park', 1);
    await stage.reconnected();
    const heard: unknown[] = [];
    stage.client.on('message', ({ offset, room }) => {
      heard.push(offset);
      void stage.client.leave(room);
    });
    stage.client.on('joined', ({ room }) => heard.push(room));
    stage.joined('park', { offset: 4, recovered: true, messages: page('park', 2, 4) });
    expect(heard).toEqual([2]);
  });

  it('of status may close before a token is asked for', async () => {
    const stage = new ClientStage();
    stage.client.on('status', ({ state }) => {
      if (state === 'connecting') stage.client.close();
    });
    stage.client.connect();
    await stage.advance(0);
    expect(stage.asked).toEqual([]);
  });
});

describe('time', () => {
  it('a limit longer than a timer can be is none', async () => {
    const delays: number[] = [];
    const clock = { ...systemClock, setTimeout: (_: () => void, milliseconds: number) => delays.push(milliseconds) };
    for (const milliseconds of [5, 2 ** 40, Number.POSITIVE_INFINITY]) new Timer(clock, () => {}).start(milliseconds);
    expect(delays).toEqual([5, 2 ** 31 - 1, 2 ** 31 - 1]);
  });

  it('a clock that is set back does not hide a dead line', async () => {
    const stage = await new ClientStage().connected({ heartbeat: 25 });
    stage.socket.alive = false;
    stage.clock.setBack(3_600_000);
    await stage.advance(60_000);
    expect(stage.statuses).toContainEqual(expect.objectContaining({ reason: { code: 'SILENT' } }));
  });

  it.each([
    ['back', 3_600_000],
    ['ahead', -60_000],
  ])('a clock that is set %s holds back no message and no reconnect, and hurries none', async (_, milliseconds) => {
    const stage = await new ClientStage({ pace: { perSecond: 1, burst: 2 } }).connected();
    void stage.client.send('dm:x', 'first', { id: 'first' });
    stage.socket.say({ type: 'error', id: 'first', code: 'BUSY', message: 'why', retryable: true, retryAfter: 5 });
    stage.clock.setBack(milliseconds);
    await stage.advance(4999);
    expect(texts(stage)).toEqual(['first']);
    await stage.advance(1);
    expect(texts(stage)).toEqual(['first', 'first']);
    for (const text of ['second', 'third']) void stage.client.send('dm:y', text);
    await stage.advance(2000);
    expect(texts(stage)).toEqual(['first', 'first', 'second', 'third']);
    stage.socket.end(1006);
    stage.clock.setBack(milliseconds);
    await stage.advance(10_000);
    expect(stage.sockets.length).toBeGreaterThan(1);
  });

  it('[M2] a message that went out before the machine slept for long is not repeated', async () => {
    const stage = await new ClientStage().connected();
    const sent = stage.client.send('dm:x', 'old', { id: 'old' });
    const settled = expect(sent).rejects.toMatchObject({ code: 'EXPIRED' });
    stage.clock.hibernate(600_000);
    await stage.advance(30_000);
    await settled;
    expect(texts(stage)).toEqual(['old']);
  });
});

describe('a long queue', () => {
  it('[F3] goes out once, however long that takes', async () => {
    const stage = await new ClientStage({ pace: { perSecond: 1, burst: 1 } }).connected();
    const all = Array.from({ length: 60 }, (_, i) => String(i));
    for (const id of all) stage.client.send('dm:x', id, { id }).catch(() => {});
    // Each is answered ten seconds after its turn.
    await stage.advance(10_000);
    for (const id of all) {
      stage.socket.say({ type: 'ack', id, room: 'dm:x', message: { id, offset: Number(id) + 1, at: 1 } });
      await stage.advance(1000);
    }
    expect(texts(stage)).toEqual(all);
  });

  it('what gets no answer after its turn is sent again', async () => {
    const stage = await new ClientStage({ pace: { perSecond: 1, burst: 1 } }).connected();
    stage.client.online().catch(() => {});
    stage.client.send('dm:x', 'a', { id: 'a' }).catch(() => {});
    await stage.advance(15_999);
    expect(texts(stage)).toEqual(['a']);
    await stage.advance(1);
    expect(texts(stage)).toEqual(['a', 'a']);
  });
});

describe('a room that was given up without a line', () => {
  it('is not left again after it was joined anew', async () => {
    const stage = new ClientStage();
    const late = expect(stage.client.join('park')).rejects.toMatchObject({ code: 'TIMEOUT' });
    await stage.advance(15_000);
    await late;
    stage.client.join('park').catch(() => {});
    await stage.connected();
    await stage.advance(1000);
    expect(stage.socket.sent.map(({ type }) => type)).toEqual(['join']);
  });
});

describe('getToken', () => {
  it.each(['', undefined])('that gives %o has none', async (token) => {
    const stage = await new ClientStage().connected();
    stage.token = () => token as string;
    await expect(stage.client.refresh()).rejects.toMatchObject({ code: 'MISSING_TOKEN' });
    stage.socket.end(1006);
    await stage.advance(10_000);
    expect(stage.client.status).toMatchObject({ state: 'refused', reason: { code: 'MISSING_TOKEN' } });
  });

  it('that hangs is asked for once, and again on the next line', async () => {
    const stage = await new ClientStage().connected();
    stage.token = () => new Promise(() => {});
    stage.socket.say({ type: 'token_expiring', expiresAt: stage.clock.now() / 1000 + 60 });
    await stage.advance(60_000);
    expect(stage.asked).toEqual([false, true]);
    stage.token = 'second';
    stage.socket.end(4001, 'TOKEN_EXPIRED');
    await stage.advance(0);
    expect(stage.asked).toEqual([false, true, true]);
    expect(stage.socket.protocols).toContain('bearer.second');
  });

  it('[C 4001] is asked for a fresh one also where a listener tries again at once', async () => {
    const stage = await new ClientStage().connected();
    stage.client.on('status', ({ retryAt }) => {
      if (retryAt !== undefined) stage.client.retryNow();
    });
    stage.socket.end(4001, 'TOKEN_EXPIRED');
    await stage.advance(0);
    expect(stage.asked).toEqual([false, true]);
  });
});

describe('the network', () => {
  it('[C 4029] that comes back does not cut short what the hub asked for', async () => {
    const stage = await new ClientStage().connected();
    stage.socket.end(4029, 'RATE_LIMITED 10');
    stage.signal('online');
    await stage.advance(9999);
    expect(stage.sockets).toHaveLength(1);
    await stage.advance(1);
    expect(stage.sockets).toHaveLength(2);
  });
});
