import { describe, expect, it } from 'vitest';

import { ClientStage } from '#test/support/client-stage.ts';

const texts = (stage: ClientStage): unknown[] => stage.socket.of('message').map(({ text }) => text);

function ack(stage: ClientStage, id: unknown, room = 'park', offset = 1): void {
  stage.socket.say({ type: 'ack', id, room, message: { id: `m-${String(id)}`, offset, at: 1 } });
}

function refuse(stage: ClientStage, id: unknown, code: string, retryAfter?: number): void {
  stage.socket.say({ type: 'error', id, code, message: 'why', retryable: code !== 'NOT_JOINED', retryAfter });
}

describe('sending', () => {
  it('resolves with the ack', async () => {
    const stage = await new ClientStage().connected();
    await stage.entered('park');
    const sent = stage.client.send('park', 'hello', { data: { a: 1 }, id: 'mine' });
    expect(stage.socket.last('message')).toEqual({ type: 'message', id: 'mine', room: 'park', text: 'hello', data: { a: 1 } });
    ack(stage, 'mine', 'park', 7);
    expect(await sent).toEqual({ id: 'mine', room: 'park', message: { id: 'm-mine', offset: 7, at: 1 } });
  });

  it('to a user tells the room', async () => {
    const stage = await new ClientStage().connected();
    const sent = stage.client.sendTo('bob', 'hello');
    const { id } = stage.socket.last('message');
    expect(stage.socket.last('message')).toEqual({ type: 'message', id, to: 'bob', text: 'hello' });
    ack(stage, id, 'dm:x');
    expect(await sent).toMatchObject({ room: 'dm:x' });
  });

  it('rejects with the code of the hub', async () => {
    const stage = await new ClientStage().connected();
    const sent = stage.client.send('park', 'hello');
    refuse(stage, stage.socket.last('message').id, 'NOT_JOINED');
    await expect(sent).rejects.toMatchObject({ code: 'NOT_JOINED' });
  });

  it('has a bound', async () => {
    const stage = await new ClientStage({ queueMax: 2 }).connected();
    const sent = [stage.client.send('park', '1', { id: 'a' }), stage.client.send('park', '2')];
    await expect(stage.client.send('park', '3')).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    ack(stage, 'a');
    await sent[0];
    void stage.client.send('park', '4');
    expect(texts(stage)).toEqual(['1', '2', '4']);
  });

  it('does not send what would end the connection', async () => {
    const stage = await new ClientStage().connected({
      limits: { messageChars: 200, conversationChars: 2000, frameBytes: 1024, rooms: 100 },
    });
    await expect(stage.client.send('park', 'x', { data: 'é'.repeat(600) })).rejects.toMatchObject({ code: 'TOO_LARGE' });
    expect(stage.socket.of('message')).toEqual([]);
    void stage.client.send('park', 'x', { data: 'e'.repeat(600) });
    expect(stage.socket.of('message')).toHaveLength(1);
  });

  it('the same id twice is one message', async () => {
    const stage = await new ClientStage().connected();
    const both = [stage.client.send('park', 'x', { id: 'a' }), stage.client.send('park', 'x', { id: 'a' })];
    expect(texts(stage)).toEqual(['x']);
    ack(stage, 'a');
    await Promise.all(both);
  });
});

describe('coming back', () => {
  it('[M2] keeps what was written while away, and sends it once the room is joined, in order, with the same ids', async () => {
    const stage = await new ClientStage().connected();
    await stage.entered('park', 1);
    await stage.entered('dm:x');
    void stage.client.send('park', 'unanswered', { id: 'a' });
    stage.socket.end(1006);
    void stage.client.send('park', 'away', { id: 'b' });
    void stage.client.sendTo('bob', 'private', { id: 'c' });
    void stage.client.send('dm:x', 'private too', { id: 'd' });
    await stage.advance(10_000);
    stage.welcome();
    expect(texts(stage)).toEqual(['private', 'private too']);
    stage.joined('park', { offset: 1, recovered: true });
    expect(stage.socket.of('message').map(({ id }) => id)).toEqual(['c', 'd', 'a', 'b']);
  });

  it('waits for the first join, too', async () => {
    const stage = new ClientStage();
    stage.client.join('park').catch(() => {});
    void stage.client.send('park', 'early');
    await stage.connected();
    expect(texts(stage)).toEqual([]);
    stage.joined('park');
    expect(texts(stage)).toEqual(['early']);
  });

  it('waits no longer where the room refuses', async () => {
    const stage = await new ClientStage().connected();
    const joined = stage.client.join('group:x');
    const sent = stage.client.send('group:x', 'hello');
    stage.socket.say({ type: 'error', id: stage.socket.last('join').id, code: 'FORBIDDEN', message: 'no', retryable: false });
    await expect(joined).rejects.toMatchObject({ code: 'FORBIDDEN' });
    refuse(stage, stage.socket.last('message').id, 'NOT_JOINED');
    await expect(sent).rejects.toMatchObject({ code: 'NOT_JOINED' });
  });

  it('[F3] catches up no faster than the hub takes it', async () => {
    const stage = await new ClientStage({ pace: { perSecond: 15, burst: 10 } }).connected();
    stage.socket.end(1006);
    for (let i = 0; i < 60; i += 1) void stage.client.send('dm:x', String(i));
    await stage.advance(10_000);
    stage.welcome();
    const first = texts(stage).length;
    expect(first).toBeLessThanOrEqual(10);
    await stage.advance(1000);
    expect(texts(stage).length - first).toBeLessThanOrEqual(15);
    await stage.advance(3000);
    expect(texts(stage)).toEqual(Array.from({ length: 60 }, (_, i) => String(i)));
  });

  it('[F3] what waited for its turn when the line broke goes out once on the next', async () => {
    const stage = await new ClientStage({ pace: { perSecond: 1, burst: 1 } }).connected();
    for (let i = 0; i < 3; i += 1) void stage.client.send('dm:x', String(i));
    stage.socket.end(1006);
    await stage.advance(1000);
    stage.welcome();
    await stage.advance(10_000);
    expect(texts(stage)).toEqual(['0', '1', '2']);
  });

  it('[M2] does not repeat what the hub may have forgotten', async () => {
    const stage = await new ClientStage().connected();
    const old = stage.client.send('dm:x', 'old', { id: 'old' });
    const settled = expect(old).rejects.toMatchObject({ code: 'EXPIRED' });
    stage.socket.end(1006);
    stage.token = null;
    const never = stage.client.send('dm:x', 'never sent', { id: 'new' });
    never.catch(() => {});
    stage.token = () => {
      throw new Error('away');
    };
    await stage.advance(271_000);
    stage.token = 'token';
    await stage.advance(10_000);
    stage.welcome();
    await settled;
    expect(texts(stage)).toEqual(['never sent']);
  });
});

describe('errors that pass', () => {
  it('go again after the time that was told, with the same id, and hold up only what comes after in that room', async () => {
    const stage = await new ClientStage().connected();
    await stage.entered('park');
    void stage.client.send('park', '1', { id: 'a' });
    refuse(stage, 'a', 'RATE_LIMITED', 0.5);
    void stage.client.send('park', '2', { id: 'b' });
    void stage.client.send('dm:x', '3', { id: 'c' });
    expect(texts(stage)).toEqual(['1', '3']);
    await stage.advance(500);
    expect(texts(stage)).toEqual(['1', '3', '1', '2']);
    expect(stage.socket.of('message').map(({ id }) => id)).toEqual(['a', 'c', 'a', 'b']);
  });

  it('back off where no time is told', async () => {
    const stage = await new ClientStage().connected();
    const sent = stage.client.send('dm:x', '1', { id: 'a' });
    for (const [wait, count] of [
      [1000, 2],
      [2000, 3],
      [4000, 4],
      [5000, 5],
    ] as const) {
      refuse(stage, 'a', 'NOT_STORED');
      await stage.advance(wait - 1);
      expect(texts(stage)).toHaveLength(count - 1);
      await stage.advance(1);
      expect(texts(stage)).toHaveLength(count);
    }
    ack(stage, 'a', 'dm:x');
    await sent;
  });

  it('end where it is discarded: it is not sent again, and holds nothing up', async () => {
    const stage = await new ClientStage().connected();
    const sent = stage.client.send('dm:x', 'refused', { id: 'a' });
    const next = stage.client.send('dm:x', 'next', { id: 'b' });
    refuse(stage, 'b', 'NOT_STORED');
    refuse(stage, 'a', 'NOT_STORED');
    void stage.client.send('dm:x', 'after', { id: 'c' });
    expect(stage.client.discard('a')).toBe(true);
    expect(stage.client.discard('b')).toBe(true);
    for (const one of [sent, next]) await expect(one).rejects.toMatchObject({ code: 'DISCARDED' });
    expect(texts(stage)).toEqual(['refused', 'next', 'after']);
    await stage.advance(60_000);
    expect(stage.socket.of('message').filter(({ id }) => id !== 'c')).toHaveLength(2);
    expect(stage.client.discard('a')).toBe(false);
  });

  it('that waited for its turn, or for a line, is not sent where it is discarded', async () => {
    const stage = await new ClientStage({ pace: { perSecond: 1, burst: 1 } }).connected();
    for (const id of ['a', 'b']) stage.client.send('dm:x', id, { id }).catch(() => {});
    stage.client.discard('b');
    await stage.advance(5000);
    stage.socket.end(1006);
    stage.client.send('dm:x', 'c', { id: 'c' }).catch(() => {});
    stage.client.discard('c');
    await stage.advance(10_000);
    stage.welcome();
    await stage.advance(5000);
    expect(stage.sockets.flatMap((socket) => socket.of('message').map(({ id }) => id))).toEqual(['a', 'a']);
  });

  it('so does what is not answered at all', async () => {
    const stage = await new ClientStage().connected();
    void stage.client.send('dm:x', '1', { id: 'a' });
    await stage.advance(14_999);
    expect(texts(stage)).toEqual(['1']);
    await stage.advance(1);
    expect(texts(stage)).toEqual(['1', '1']);
  });
});
