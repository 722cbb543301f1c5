import { describe, expect, it, vi } from 'vitest';

import type { ClientEvents } from '#libs/client/index.ts';
import { ClientStage, chatMessage, page } from '#test/support/client-stage.ts';

function waits(stage: ClientStage, room: string, offset: number): void {
  stage.socket.say({ type: 'offline_message', room, offset, message: chatMessage(`${room}-${offset}`) });
}

const told = (stage: ClientStage): unknown[] => stage.socket.of('delivered').map(({ room, offset }) => [room, offset]);

describe('messages', () => {
  it('[M6] are handed over once, whatever way they come', async () => {
    const stage = await new ClientStage().connected();
    stage.hears('dm:x', 1);
    stage.hears('dm:x', 1);
    waits(stage, 'dm:x', 1);
    waits(stage, 'dm:x', 2);
    await stage.reconnected();
    waits(stage, 'dm:x', 2);
    waits(stage, 'dm:x', 3);
    expect(stage.messages.map(({ offset, origin }) => [offset, origin])).toEqual([
      [1, 'live'],
      [2, 'offline'],
      [3, 'offline'],
    ]);
  });

  it('of a page are not handed over again', async () => {
    const stage = await new ClientStage().connected();
    const joined = stage.client.join('dm:x');
    stage.joined('dm:x', { offset: 3, messages: page('dm:x', 1, 3) });
    await joined;
    waits(stage, 'dm:x', 2);
    expect(stage.messages).toEqual([]);
  });

  it('of a group that was left are not handed over again either', async () => {
    const stage = await new ClientStage().connected();
    await stage.entered('group:x');
    stage.hears('group:x', 1);
    void stage.client.leave('group:x').catch(() => {});
    await stage.reconnected();
    waits(stage, 'group:x', 1);
    expect(stage.offsets('group:x')).toEqual([1]);
  });

  it('of rooms that keep nothing have no offset', async () => {
    const stage = await new ClientStage().connected();
    stage.socket.say({ type: 'message', room: 'live:x', message: chatMessage('a') });
    expect(stage.messages).toEqual([{ room: 'live:x', message: chatMessage('a'), origin: 'live' }]);
  });

  it('two thousand of each room are remembered, and the place in a joined one', async () => {
    const stage = await new ClientStage().connected();
    await stage.entered('park');
    for (let i = 1; i <= 2001; i += 1) stage.hears('park', i);
    stage.hears('park', 1);
    expect(stage.messages.splice(0)).toHaveLength(2001);
    for (let i = 1; i <= 2001; i += 1) stage.hears('dm:x', i);
    stage.hears('dm:x', 2);
    stage.hears('dm:y', 1);
    expect(stage.messages).toHaveLength(2002);
    stage.hears('dm:x', 1);
    expect(stage.messages).toHaveLength(2003);
  });
});

describe('delivered', () => {
  it('counts anew where the hub says that a sequence was lost and goes on from a lower offset', async () => {
    const stage = await new ClientStage().connected();
    for (let offset = 1; offset <= 3; offset += 1) stage.hears('group:x', offset);
    await stage.advance(1000);
    stage.socket.say({ type: 'resync', room: 'group:x', epoch: 'new', offset: 1, recovered: false, messages: [] });
    stage.hears('group:x', 2);
    await stage.advance(1000);
    expect(told(stage).at(-1)).toEqual(['group:x', 2]);
  });

  it('[M6] is told at most once a room and second, the highest', async () => {
    const stage = await new ClientStage().connected();
    for (let offset = 1; offset <= 5; offset += 1) waits(stage, 'dm:x', offset);
    waits(stage, 'group:y', 9);
    await stage.advance(1000);
    expect(told(stage)).toEqual([
      ['dm:x', 1],
      ['dm:x', 5],
      ['group:y', 9],
    ]);
    stage.hears('dm:x', 6);
    expect(told(stage)).toHaveLength(3);
    await stage.advance(1000);
    expect(told(stage).at(-1)).toEqual(['dm:x', 6]);
  });

  it('is told of rooms that the hub makes only', async () => {
    const stage = await new ClientStage().connected();
    await stage.entered('park');
    stage.hears('park', 1);
    stage.hears('lobby', 1);
    await stage.advance(5000);
    expect(told(stage)).toEqual([]);
  });

  it('is kept over a reconnect', async () => {
    const stage = await new ClientStage().connected();
    stage.hears('dm:x', 1);
    stage.hears('dm:x', 2);
    const socket = await stage.reconnected();
    expect(socket.of('delivered')).toEqual([{ type: 'delivered', room: 'dm:x', offset: 2 }]);
  });

  it('is told again where the hub shows that it did not hear it', async () => {
    const stage = await new ClientStage().connected();
    stage.hears('dm:x', 4);
    await stage.reconnected();
    waits(stage, 'dm:x', 4);
    await stage.advance(1000);
    expect(told(stage)).toEqual([['dm:x', 4]]);
    expect(stage.messages).toHaveLength(1);
  });

  it('manually is what the application says, and the hub is told at once that it will', async () => {
    const stage = await new ClientStage({ delivered: 'manual' }).connected();
    expect(told(stage)).toEqual([['dm:', 0]]);
    waits(stage, 'dm:x', 1);
    waits(stage, 'dm:x', 2);
    await stage.advance(5000);
    expect(told(stage)).toHaveLength(1);
    stage.client.delivered('dm:x', 1);
    expect(told(stage)).toEqual([
      ['dm:', 0],
      ['dm:x', 1],
    ]);
  });

  it('is told before it leaves', async () => {
    const stage = await new ClientStage().connected();
    stage.hears('dm:x', 1);
    stage.hears('dm:x', 2);
    stage.client.close();
    expect(told(stage)).toEqual([
      ['dm:x', 1],
      ['dm:x', 2],
    ]);
  });
});

describe('events', () => {
  it('come for each frame, and as the frame', async () => {
    const stage = await new ClientStage().connected();
    const heard: unknown[] = [];
    const types = ['online', 'room_online', 'member', 'typing', 'matched', 'inform', 'command', 'offline_messages_complete'] as const;
    for (const type of types) stage.client.on(type, () => heard.push(type));
    stage.client.on('frame', ({ type }) => heard.push(`frame ${type}`));
    for (const type of types) stage.socket.say({ type, room: 'park', count: 1 });
    stage.socket.say({ type: 'of tomorrow' });
    expect(heard).toEqual([...types.flatMap((type) => [`frame ${type}`, type]), 'frame of tomorrow']);
  });

  it('end with the function that on gives', async () => {
    const stage = await new ClientStage().connected();
    const heard: number[] = [];
    const off = stage.client.on('online', ({ count }) => heard.push(count));
    stage.socket.say({ type: 'online', count: 1 });
    off();
    stage.socket.say({ type: 'online', count: 2 });
    expect(heard).toEqual([1]);
  });

  it('tell errors that answer nothing', async () => {
    const stage = await new ClientStage().connected();
    const errors: ClientEvents['error'][] = [];
    stage.client.on('error', (error) => errors.push(error));
    stage.client.typing('nowhere');
    stage.socket.say({ type: 'error', code: 'NOT_JOINED', message: 'join first', retryable: false });
    expect(errors).toMatchObject([{ code: 'NOT_JOINED' }]);
  });

  it('go on where a listener throws', async () => {
    const stage = await new ClientStage().connected();
    const thrown: unknown[] = [];
    const queue = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((task) => {
      try {
        task();
      } catch (error) {
        thrown.push(error);
      }
    });
    stage.client.on('online', () => {
      throw new Error('mine');
    });
    const heard: number[] = [];
    stage.client.on('online', ({ count }) => heard.push(count));
    stage.socket.say({ type: 'online', count: 5 });
    queue.mockRestore();
    expect(heard).toEqual([5]);
    expect(thrown).toMatchObject([{ message: 'mine' }]);
  });
});

describe('questions', () => {
  it('are asked again after a reconnect, and answered once', async () => {
    const stage = await new ClientStage().connected();
    const page = stage.client.history('park', { before: 10, limit: 5 });
    expect(stage.socket.last('history')).toEqual({ type: 'history', id: '~1', room: 'park', before: 10, limit: 5 });
    const socket = await stage.reconnected();
    expect(socket.of('history')).toHaveLength(1);
    socket.say({ type: 'history', id: '~1', room: 'park', messages: [], more: true });
    expect(await page).toEqual({ messages: [], more: true });
  });

  it('take no longer than they may', async () => {
    const stage = await new ClientStage({ requestTimeoutMs: 500 }).connected();
    const count = expect(stage.client.online()).rejects.toMatchObject({ code: 'TIMEOUT' });
    await stage.advance(500);
    await count;
  });

  it('answer: who is there, how many are online', async () => {
    const stage = await new ClientStage().connected();
    const here = stage.client.presence('park');
    const online = stage.client.online();
    stage.socket.say({ type: 'presence', id: '~1', room: 'park', count: 1, users: [{ id: 'bob', name: 'Bob', kind: 'user' }] });
    stage.socket.say({ type: 'online', id: '~2', count: 42 });
    expect(await here).toEqual({ count: 1, users: [{ id: 'bob', name: 'Bob', kind: 'user' }] });
    expect(await online).toBe(42);
  });

  it('typing goes out once a second', async () => {
    const stage = await new ClientStage().connected();
    for (let i = 0; i < 20; i += 1) {
      stage.client.typing('park');
      await stage.advance(100);
    }
    expect(stage.socket.of('typing')).toHaveLength(2);
  });
});
