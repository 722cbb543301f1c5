import { describe, expect, it } from 'vitest';

import type { ClientEvents } from '#libs/client/index.ts';
import { ClientStage, chatMessage, page } from '#test/support/client-stage.ts';

describe('joining', () => {
  it('gives the latest page, which does not come as messages too', async () => {
    const stage = await new ClientStage().connected();
    const joined = stage.client.join('park');
    expect(stage.socket.last('join')).toEqual({ type: 'join', id: '~1', room: 'park' });
    stage.joined('park', { offset: 3, count: 2, messages: page('park', 1, 3) });
    expect(await joined).toEqual({ room: 'park', count: 2, epoch: 'e1', offset: 3, recovered: false, messages: page('park', 1, 3) });
    stage.hears('park', 3);
    stage.hears('park', 4);
    expect(stage.offsets('park')).toEqual([4]);
  });

  it('[M5] with since gives all that was missed, over several frames', async () => {
    const stage = await new ClientStage().connected();
    const joined = stage.client.join('park', { since: { epoch: 'e1', offset: 2 } });
    expect(stage.socket.last('join')).toMatchObject({ since: { epoch: 'e1', offset: 2 } });
    stage.joined('park', { offset: 9, recovered: true, messages: page('park', 3, 5), more: true });
    stage.joined('park', { offset: 6, recovered: true, messages: page('park', 6, 6) });
    expect(await joined).toMatchObject({ recovered: true, offset: 6, messages: page('park', 3, 6) });
    expect(stage.messages).toEqual([]);
  });

  it('goes on where a line broke between two of its frames', async () => {
    const stage = await new ClientStage().connected();
    const joined = stage.client.join('park', { since: { epoch: 'e1', offset: 2 } });
    stage.joined('park', { offset: 9, recovered: true, messages: page('park', 3, 5), more: true });
    const socket = await stage.reconnected();
    expect(socket.last('join')).toMatchObject({ since: { epoch: 'e1', offset: 5 } });
    stage.joined('park', { offset: 6, recovered: true, messages: page('park', 6, 6) });
    expect(await joined).toMatchObject({ recovered: true, messages: page('park', 3, 6) });
  });

  it('asked twice before the answer is one join', async () => {
    const stage = await new ClientStage().connected();
    const both = [stage.client.join('park'), stage.client.join('park')];
    expect(stage.socket.of('join')).toHaveLength(1);
    stage.joined('park');
    const [one, other] = await Promise.all(both);
    expect(one).toBe(other);
  });

  it('of a room that it is in gives the latest page', async () => {
    const stage = await new ClientStage().connected();
    await stage.entered('park', 3);
    const again = stage.client.join('park');
    await stage.advance(0);
    const { id } = stage.socket.last('history');
    stage.socket.say({ type: 'history', id, room: 'park', messages: page('park', 1, 3), more: false });
    stage.socket.say({ type: 'presence', id: stage.socket.last('presence').id, room: 'park', count: 7, users: [] });
    expect(await again).toEqual({ room: 'park', count: 7, epoch: 'e1', offset: 3, recovered: false, messages: page('park', 1, 3) });
  });

  it('is refused with the code of the hub', async () => {
    const stage = await new ClientStage().connected();
    const joined = stage.client.join('group:x');
    stage.socket.say({ type: 'error', id: stage.socket.last('join').id, code: 'FORBIDDEN', message: 'no', retryable: false });
    await expect(joined).rejects.toMatchObject({ name: 'ClientError', code: 'FORBIDDEN', message: 'no', retryable: false });
    const socket = await stage.reconnected();
    expect(socket.of('join')).toEqual([]);
  });

  it('is tried again where the refusal passes', async () => {
    const stage = await new ClientStage().connected();
    const joined = stage.client.join('park');
    stage.socket.say({ type: 'error', id: '~1', code: 'RATE_LIMITED', message: 'slow', retryable: true, retryAfter: 0.5 });
    await stage.advance(500);
    stage.socket.say({ type: 'error', id: '~2', code: 'UNAVAILABLE', message: 'away', retryable: true });
    await stage.advance(2000);
    expect(stage.socket.of('join').map(({ id }) => id)).toEqual(['~1', '~2', '~3']);
    stage.joined('park');
    await joined;
  });

  it('waits for a connection, and not for ever', async () => {
    const stage = new ClientStage();
    const joined = stage.client.join('park');
    const late = stage.client.join('late');
    late.catch(() => {});
    await stage.connected();
    stage.socket.say({
      type: 'joined',
      id: '~1',
      room: 'park',
      count: 1,
      epoch: 'e',
      offset: 0,
      recovered: false,
      messages: [],
      more: false,
    });
    await joined;
    await stage.advance(15_000);
    await expect(late).rejects.toMatchObject({ code: 'TIMEOUT', retryable: true });
    expect(stage.socket.last('leave')).toMatchObject({ room: 'late' });
  });
});

describe('leaving', () => {
  it('ends it: what was on its way in is told so, nothing is joined again', async () => {
    const stage = await new ClientStage().connected();
    await stage.entered('park');
    const joined = stage.client.join('other');
    const left = stage.client.leave('other');
    await expect(joined).rejects.toMatchObject({ code: 'LEFT' });
    stage.socket.say({ type: 'left', id: stage.socket.last('leave').id, room: 'other' });
    await left;
    const away = stage.client.leave('park');
    stage.socket.end(1006);
    await away;
    await stage.advance(10_000);
    stage.welcome();
    expect(stage.socket.of('join')).toEqual([]);
  });

  it('a room that it is not in is no error', async () => {
    const stage = await new ClientStage().connected();
    const left = stage.client.leave('park');
    await stage.advance(0);
    stage.socket.say({ type: 'error', id: stage.socket.last('leave').id, code: 'NOT_JOINED', message: 'no', retryable: false });
    await left;
  });

  it('a late answer to its join brings it back no more', async () => {
    const stage = await new ClientStage().connected();
    stage.client.join('park').catch(() => {});
    void stage.client.leave('park').catch(() => {});
    stage.joined('park', { messages: page('park', 1, 2), offset: 2 });
    stage.client.join('other').catch(() => {});
    void stage.client.leave('other').catch(() => {});
    const other = stage.client.join('other');
    const [, first, second] = stage.socket.of('join');
    const answer = { type: 'joined', room: 'other', count: 1, epoch: 'e1', recovered: false, more: false };
    stage.socket.say({ ...answer, id: first?.id, offset: 1, messages: page('other', 1, 1) });
    stage.socket.say({ ...answer, id: second?.id, offset: 2, messages: page('other', 1, 2) });
    expect(await other).toMatchObject({ offset: 2, messages: page('other', 1, 2) });
    const again = stage.client.join('park');
    expect(stage.socket.of('join')).toHaveLength(4);
    stage.joined('park', { offset: 3, messages: page('park', 1, 3) });
    expect(await again).toMatchObject({ messages: page('park', 1, 3) });
  });

  it('[R2] unasked, because the hub took the user out, is a loss: nothing is joined again', async () => {
    const stage = await new ClientStage().connected();
    for (const room of ['group:x', 'group:y']) await stage.entered(room, 1);
    const lost: ClientEvents['room_lost'][] = [];
    stage.client.on('room_lost', (event) => lost.push(event));
    stage.socket.say({ type: 'left', room: 'group:x' });
    expect(lost).toMatchObject([{ room: 'group:x', code: 'FORBIDDEN' }]);
    const joined = stage.client.join('group:z');
    stage.socket.say({ type: 'left', room: 'group:z' });
    await expect(joined).rejects.toMatchObject({ code: 'FORBIDDEN' });
    stage.socket.say({ type: 'left', room: 'group:unknown' });
    expect(lost).toHaveLength(1);
    const socket = await stage.reconnected();
    expect(socket.of('join').map(({ room }) => room)).toEqual(['group:y']);
  });

  it('answered too late is no loss', async () => {
    const stage = await new ClientStage().connected();
    await stage.entered('park');
    const left = stage.client.leave('park');
    const { id } = stage.socket.last('leave');
    left.catch(() => undefined);
    await stage.advance(15_000);
    await expect(left).rejects.toMatchObject({ code: 'TIMEOUT' });
    await stage.entered('park');
    const lost: ClientEvents['room_lost'][] = [];
    stage.client.on('room_lost', (event) => lost.push(event));
    stage.socket.say({ type: 'left', id, room: 'park' });
    expect(lost).toEqual([]);
    expect((await stage.reconnected()).of('join')).toHaveLength(1);
  });

  it('the hub closing it is the same', async () => {
    const stage = await new ClientStage().connected();
    await stage.entered('pair:x');
    const closed: ClientEvents['room_closed'][] = [];
    stage.client.on('room_closed', (event) => closed.push(event));
    stage.socket.say({ type: 'room_closed', room: 'pair:x', reason: 'expired' });
    expect(closed).toEqual([{ type: 'room_closed', room: 'pair:x', reason: 'expired' }]);
    const socket = await stage.reconnected();
    expect(socket.of('join')).toEqual([]);
  });

  it('what is remembered of a closed room is forgotten', async () => {
    const stage = await new ClientStage().connected();
    stage.hears('pair:x', 1);
    stage.socket.say({ type: 'room_closed', room: 'pair:x', reason: 'closed' });
    stage.hears('pair:x', 1);
    expect(stage.offsets('pair:x')).toEqual([1, 1]);
  });
});

describe('coming back into rooms', () => {
  it('[M5] joins all in one frame from where each was, and hands over what was missed in order', async () => {
    const stage = await new ClientStage().connected();
    await stage.entered('park', 5);
    await stage.entered('live:cursors');
    stage.hears('park', 6);
    const joined: ClientEvents['joined'][] = [];
    stage.client.on('joined', (event) => joined.push(event));
    const socket = await stage.reconnected();
    expect(socket.of('join')).toHaveLength(1);
    expect(socket.last('join').rooms).toMatchObject([{ room: 'park', since: { epoch: 'e1', offset: 6 } }, { room: 'live:cursors' }]);
    stage.joined('park', { offset: 20, recovered: true, messages: page('park', 7, 8), more: true });
    stage.joined('park', { offset: 9, recovered: true, messages: page('park', 9, 9) });
    expect(stage.messages.map(({ offset, origin }) => [offset, origin])).toEqual([
      [6, 'live'],
      [7, 'recovered'],
      [8, 'recovered'],
      [9, 'recovered'],
    ]);
    expect(joined).toMatchObject([{ room: 'park', automatic: true, recovered: true, messages: [] }]);
  });

  it('[M4] tells what could not be recovered', async () => {
    const stage = await new ClientStage().connected();
    await stage.entered('park', 5);
    const resyncs: ClientEvents['resync'][] = [];
    stage.client.on('resync', (event) => resyncs.push(event));
    await stage.reconnected();
    stage.joined('park', { epoch: 'e2', offset: 3, recovered: false, messages: page('park', 1, 3) });
    expect(resyncs).toEqual([{ room: 'park', epoch: 'e2', offset: 3, messages: page('park', 1, 3), reason: 'join' }]);
    stage.hears('park', 4, 'new');
    stage.socket.say({ type: 'resync', room: 'park', epoch: 'e3', offset: 1, recovered: false, messages: page('again', 1, 1) });
    stage.hears('park', 2, 'newer');
    expect(resyncs[1]).toMatchObject({ epoch: 'e3', offset: 1, reason: 'resync' });
    expect(stage.messages.map(({ message }) => message.id)).toEqual(['new', 'newer']);
  });

  it('what is on the page of a resync does not come as a message too', async () => {
    const stage = await new ClientStage().connected();
    await stage.entered('group:x', 5);
    await stage.reconnected();
    stage.joined('group:x', { epoch: 'e2', offset: 9, recovered: false, messages: page('group:x', 8, 9) });
    stage.socket.say({ type: 'offline_message', room: 'group:x', offset: 9, message: chatMessage('group:x-9') });
    expect(stage.messages).toEqual([]);
  });

  it('[M4] what waited does not go ahead of what was missed', async () => {
    const stage = await new ClientStage().connected();
    await stage.entered('group:x', 5);
    await stage.reconnected();
    // 6 is in the stream and not stored yet.
    for (const { offset, message } of page('group:x', 7, 8)) {
      stage.socket.say({ type: 'offline_message', room: 'group:x', offset, message });
    }
    expect(stage.messages).toEqual([]);
    stage.joined('group:x', { offset: 8, recovered: true, messages: page('group:x', 6, 8) });
    stage.socket.say({ type: 'offline_message', room: 'group:x', offset: 9, message: chatMessage('group:x-9') });
    stage.hears('group:x', 9);
    expect(stage.offsets('group:x')).toEqual([6, 7, 8, 9]);
  });

  it('[M3] what waited does not come after what was seen in a sequence that is lost', async () => {
    const stage = await new ClientStage().connected();
    await stage.entered('group:x', 5);
    stage.hears('group:x', 6, 'never stored');
    await stage.reconnected();
    const [old, ...stored] = page('group:x', 5, 7);
    for (const { offset, message } of stored) stage.socket.say({ type: 'offline_message', room: 'group:x', offset, message });
    expect(stage.messages.map(({ message }) => message.id)).toEqual(['never stored']);
    const resyncs: ClientEvents['resync'][] = [];
    stage.client.on('resync', (event) => resyncs.push(event));
    stage.joined('group:x', { epoch: 'e2', offset: 7, recovered: false, messages: page('group:x', 5, 7) });
    expect(resyncs[0]?.messages).toEqual([old, ...stored]);
    expect(stage.messages.map(({ message }) => message.id)).toEqual(['never stored']);
  });

  it('[M6] what waited is handed over where the room is not entered again', async () => {
    const stage = await new ClientStage().connected();
    await stage.entered('group:x', 5);
    await stage.reconnected();
    for (const { offset, message } of page('group:x', 5, 7)) {
      stage.socket.say({ type: 'offline_message', room: 'group:x', offset, message });
    }
    expect(stage.messages).toEqual([]);
    const { id } = stage.socket.last('join');
    stage.socket.say({ type: 'error', id, code: 'FORBIDDEN', message: 'no', retryable: false });
    expect(stage.offsets('group:x')).toEqual([5, 6, 7]);
  });

  it.each(['joined', 'resync'])('[M6] what waited and is older than the page of a %s comes before that', async (type) => {
    const stage = await new ClientStage().connected();
    await stage.entered('group:x', 5);
    await stage.reconnected();
    const order: number[] = [];
    stage.client.on('message', ({ offset = 0 }) => order.push(offset));
    stage.client.on('resync', ({ messages }) => order.push(...messages.map(({ offset }) => offset)));
    if (type === 'resync') stage.joined('group:x', { offset: 5, recovered: true });
    for (const { offset, message } of page('group:x', 6, 9)) {
      stage.socket.say({ type: 'offline_message', room: 'group:x', offset, message });
    }
    const { id } = stage.socket.last('join');
    stage.socket.say({
      type,
      ...(type === 'joined' && { id }),
      room: 'group:x',
      count: 1,
      epoch: 'e2',
      offset: 9,
      recovered: false,
      messages: page('group:x', 8, 9),
      more: false,
    });
    expect(order).toEqual([6, 7, 8, 9]);
  });

  it('splits what is more than the hub takes in one frame', async () => {
    const stage = await new ClientStage({ pace: { perSecond: 0, burst: 1 } }).connected();
    const names = Array.from({ length: 120 }, (_, i) => `room-${i}`);
    const joined = Promise.all(names.map((name) => stage.client.join(name)));
    for (const [index, { id }] of stage.socket.of('join').entries())
      stage.socket.say({
        type: 'joined',
        id,
        room: names[index],
        count: 1,
        epoch: 'e',
        offset: 1,
        recovered: false,
        messages: [],
        more: false,
      });
    await joined;
    const socket = await stage.reconnected();
    expect(socket.of('join').map(({ rooms }) => (rooms as unknown[]).length)).toEqual([100, 20]);
    socket.end(1006);
    await stage.advance(10_000);
    stage.welcome({ limits: { messageChars: 200, conversationChars: 2000, frameBytes: 1024, rooms: 100 } });
    const frames = stage.socket.of('join');
    expect(frames.flatMap(({ rooms }) => rooms)).toHaveLength(120);
    for (const frame of frames) expect(JSON.stringify(frame).length).toBeLessThanOrEqual(1024);
  });

  it('[F] of a frame with errors each room goes its own way', async () => {
    const stage = await new ClientStage().connected();
    for (const room of ['a', 'b', 'c']) await stage.entered(room, 1);
    const lost: ClientEvents['room_lost'][] = [];
    stage.client.on('room_lost', (event) => lost.push(event));
    const socket = await stage.reconnected();
    const { id } = socket.last('join');
    socket.say({ type: 'error', id, room: 'a', code: 'FORBIDDEN', message: 'why', retryable: false });
    expect(lost).toEqual([{ room: 'a', code: 'FORBIDDEN', message: 'why' }]);
    socket.say({ type: 'error', id, room: 'c', code: 'UNAVAILABLE', message: 'why', retryable: true });
    stage.joined('b', { offset: 1, recovered: true });
    expect(socket.of('join')).toHaveLength(1);
    await stage.advance(1000);
    expect(socket.of('join')).toHaveLength(2);
    expect(socket.last('join')).toMatchObject({ room: 'c', since: { epoch: 'e1', offset: 1 } });
    expect(lost).toHaveLength(1);
  });

  it('of a frame that is refused for one of its rooms each is asked for alone', async () => {
    const stage = await new ClientStage().connected();
    for (const room of ['a', 'b']) await stage.entered(room, 1);
    const socket = await stage.reconnected();
    socket.say({ type: 'error', id: socket.last('join').id, code: 'INVALID_REQUEST', message: 'why', retryable: false });
    expect(
      socket
        .of('join')
        .slice(1)
        .map(({ room }) => room),
    ).toEqual(['a', 'b']);
  });

  it('a frame that is refused as a whole goes again', async () => {
    const stage = await new ClientStage().connected();
    for (const room of ['a', 'b']) await stage.entered(room, 1);
    const socket = await stage.reconnected();
    socket.say({ type: 'error', id: socket.last('join').id, code: 'RATE_LIMITED', message: 'slow', retryable: true, retryAfter: 0.2 });
    await stage.advance(200);
    expect(socket.of('join')).toHaveLength(2);
    expect(socket.last('join').rooms).toHaveLength(2);
  });

  it('[F] asks anew where no answer comes, on the same line, and waits as long as parts of it do', async () => {
    const stage = await new ClientStage().connected();
    await stage.entered('park', 4);
    await stage.entered('other', 4);
    const socket = await stage.reconnected();
    const first = socket.last('join');
    const part = { type: 'joined', count: 1, epoch: 'e1', offset: 20, recovered: true };
    socket.say({ ...part, id: first.id, room: 'other', offset: 4, messages: [], more: false });
    for (let offset = 5; offset < 10; offset += 1) {
      await stage.advance(14_000);
      socket.say({ ...part, id: first.id, room: 'park', messages: page('park', offset, offset), more: true });
    }
    expect(socket.sent.filter(({ type }) => type !== 'ping')).toEqual([first]);
    await stage.advance(15_000);
    expect(stage.client.status.state).toBe('connected');
    const [, leave, second] = socket.sent.filter(({ type }) => type !== 'ping');
    expect(leave).toMatchObject({ type: 'leave', room: 'park' });
    expect(second).toMatchObject({ type: 'join', room: 'park', since: { epoch: 'e1', offset: 9 } });
    // The first answer was on its way.
    const errors: unknown[] = [];
    stage.client.on('error', (error) => errors.push(error));
    socket.say({ ...part, id: first.id, room: 'park', offset: 10, messages: page('park', 10, 10), more: false });
    stage.hears('park', 11);
    socket.say({ type: 'left', id: leave?.id, room: 'park' });
    socket.say({ ...part, id: second?.id, room: 'park', offset: 11, messages: page('park', 10, 11), more: false });
    stage.hears('park', 12);
    expect(stage.offsets('park')).toEqual([5, 6, 7, 8, 9, 10, 11, 12]);
    expect(errors).toEqual([]);
  });

  it('what nobody waits for any more is no error of the program', async () => {
    const stage = await new ClientStage().connected();
    const errors: unknown[] = [];
    stage.client.on('error', (error) => errors.push(error));
    const joined = stage.client.join('park');
    const left = stage.client.leave('park');
    await expect(joined).rejects.toMatchObject({ code: 'LEFT' });
    const { id } = stage.socket.last('join');
    stage.socket.say({ type: 'error', id, room: 'park', code: 'NOT_JOINED', message: 'left', retryable: false });
    stage.socket.say({ type: 'left', id: stage.socket.last('leave').id, room: 'park' });
    await left;
    expect(errors).toEqual([]);
    stage.socket.say({ type: 'error', room: 'park', code: 'NOT_JOINED', message: 'typing', retryable: false });
    expect(errors).toHaveLength(1);
  });

  it('joins once what a listener of welcome joins', async () => {
    const stage = new ClientStage();
    stage.client.on('welcome', () => {
      expect(stage.client.status.state).toBe('connected');
      stage.client.join('park').catch(() => {});
    });
    await stage.connected();
    expect(stage.socket.of('join')).toHaveLength(1);
  });

  it('somebody else who logs in is in none of them, and is shown everything', async () => {
    const stage = await new ClientStage().connected();
    await stage.entered('park');
    stage.hears('dm:x', 1);
    stage.socket.end(4510, 'LOGGED_OUT');
    await stage.connected({ user: { id: 'bob', name: 'Bob', kind: 'user' } });
    expect(stage.socket.of('join')).toEqual([]);
    stage.hears('dm:x', 1);
    expect(stage.offsets('dm:x')).toEqual([1, 1]);
  });
});
