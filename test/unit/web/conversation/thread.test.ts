import { beforeEach, describe, expect, it } from 'vitest';
import { RoomThread } from '#services/web/src/chat/state/room-thread.ts';
import { toLines } from '#services/web/src/conversation/lines.ts';
import type { Thread } from '#services/web/src/conversation/thread.ts';
import type { ThreadOptions } from '#services/web/src/conversation/thread-state.ts';
import { FakeChatClient, FakeTimers, said } from '#test/support/fake-chat-client.ts';

const ME = { id: 'me', name: 'Me', kind: 'user' };

let client: FakeChatClient;
let timers: FakeTimers;

beforeEach(() => {
  client = new FakeChatClient();
  timers = new FakeTimers();
});

const make = (options: Partial<ThreadOptions> = { room: 'park' }): RoomThread =>
  new RoomThread({ timers, me: ME, keepsHistory: true, ...options, client });

const page = (...messages: ReturnType<typeof said>[]) => ({ count: 2, messages });

async function opened(messages = page()): Promise<RoomThread> {
  const thread = make();
  thread.open();
  await client.answer('join park', messages);
  return thread;
}

const state = (thread: Thread) => thread.view.getState();
const audience = (thread: RoomThread) => thread.audience.view.getState();

function lines(thread: Thread): string[] {
  const { items, outbox, firstNew } = state(thread);
  const all = toLines({ items, outbox, me: ME, firstNew });
  return all.flatMap((line) => (line.kind === 'message' ? [`${line.text} ${line.state}`] : line.kind === 'new' ? ['(new)'] : []));
}

describe('entering a room', () => {
  it('shows its latest page and who is here', async () => {
    const thread = await opened(page(said(4, 'a'), said(5, 'b')));
    await client.answer('presence park', { count: 3, users: [ME, { id: 'bob', name: 'Bob', kind: 'user' }] });
    expect(lines(thread)).toEqual(['a stored', 'b stored']);
    expect(state(thread).status).toBe('open');
    expect(audience(thread).count).toBe(3);
    thread.member('joined', { id: 'al', name: 'Al', kind: 'user' });
    thread.member('left', { id: 'bob', name: 'Bob', kind: 'user' });
    expect(audience(thread).people.map(({ name }) => name)).toEqual(['Al', 'Me']);
  });

  it('is tried again where that may help, and told where it cannot', async () => {
    const thread = make();
    thread.open();
    await client.refuse('join park', 'UNAVAILABLE');
    expect(state(thread).status).toBe('idle');
    await timers.pass(3_000);
    expect(state(thread).status).toBe('opening');
    await client.refuse('join park', 'FORBIDDEN');
    expect([state(thread).status, state(thread).code]).toEqual(['refused', 'FORBIDDEN']);
  });

  it('asks anew who is here after a new connection', async () => {
    const thread = await opened();
    await client.answer('presence park', { count: 2, users: [ME, { id: 'bob', name: 'Bob', kind: 'user' }] });
    thread.rejoined(1);
    await client.answer('presence park', { count: 1, users: [ME] });
    expect(audience(thread).people).toEqual([ME]);
  });

  it('marks what is new', async () => {
    const thread = make();
    thread.beginReading({ count: 2 });
    thread.open();
    await client.answer('join park', page(said(1, 'old'), said(2, 'new'), said(3, 'newer')));
    expect(lines(thread)).toEqual(['old stored', '(new)', 'new stored', 'newer stored']);
    thread.publish('read it');
    expect(lines(thread)).not.toContain('(new)');
  });
});

describe('saying something', () => {
  it('[M1] is shown at once, and stored when the hub has it', async () => {
    const thread = await opened();
    thread.publish('hello');
    expect(lines(thread)).toEqual(['hello pending']);
    await client.answer('send park id1 hello', { room: 'park', message: { id: 'm1', offset: 1, at: timers.now() } });
    expect(lines(thread)).toEqual(['hello stored']);
    thread.receive(said(1, 'hello', 'me'));
    expect(lines(thread)).toEqual(['hello stored']);
  });

  it('[M1] waits for the acknowledgement, though the room has shown it', async () => {
    const thread = await opened();
    thread.publish('hello');
    thread.receive(said(1, 'hello', 'me'));
    thread.receive(said(2, 'hi'));
    expect(lines(thread)).toEqual(['hello pending', 'hi stored']);
    await client.answer('send park id1 hello', { room: 'park', message: { id: 'm1', offset: 1, at: timers.now() } });
    expect(lines(thread)).toEqual(['hello stored', 'hi stored']);
  });

  it('is not mistaken for the same words from another tab', async () => {
    const thread = await opened();
    thread.publish('ok');
    thread.receive(said(1, 'ok', 'me'));
    await client.answer('send park id1 ok', { room: 'park', message: { id: 'm2', offset: 2, at: timers.now() } });
    expect(lines(thread)).toEqual(['ok stored', 'ok stored']);
  });

  it('[M2] fails, and is tried again under the same id', async () => {
    const thread = await opened();
    thread.publish('keep this');
    await client.refuse('send park id1 keep this', 'NOT_STORED');
    expect(lines(thread)).toEqual(['keep this failed']);
    thread.retry('id1');
    expect(lines(thread)).toEqual(['keep this pending']);
    await client.answer('send park id1 keep this', { room: 'park', message: { id: 'm1', offset: 1, at: timers.now() } });
    expect(lines(thread)).toEqual(['keep this stored']);
  });

  it('that cannot work is not tried again, and can be taken out', async () => {
    const thread = await opened();
    thread.publish('too late');
    await client.refuse('send park id1 too late', 'ROOM_CLOSED');
    thread.retry('id1');
    expect(lines(thread)).toEqual(['too late failed']);
    thread.discard('id1');
    expect(lines(thread)).toEqual([]);
  });

  it('to somebody new makes the room', async () => {
    const rooms: string[] = [];
    const thread = make({ send: (_room, id, text) => client.sendTo('bob', text, { id }), onRoom: (room) => rooms.push(room) });
    expect([state(thread).status, thread.room]).toEqual(['open', undefined]);
    thread.publish('hi');
    await client.answer('sendTo bob id1 hi', { room: 'dm:1', message: { id: 'm1', offset: 1, at: timers.now() } });
    expect(rooms).toEqual(['dm:1']);
    thread.assignRoom('dm:1');
    thread.open();
    await client.answer('join dm:1', page(said(1, 'hi', 'me')));
    expect(lines(thread)).toEqual(['hi stored']);
  });
});

describe('what is older', () => {
  it('is loaded page by page, until there is no more', async () => {
    const thread = await opened(page(said(8, 'h')));
    expect(state(thread).older).toBe('some');
    const loading = thread.loadOlder();
    expect(state(thread).older).toBe('loading');
    void thread.loadOlder();
    await client.answer('history park 8 50', { messages: [said(6, 'f'), said(7, 'g')], more: true });
    await loading;
    expect(lines(thread)).toEqual(['f stored', 'g stored', 'h stored']);
    void thread.loadOlder();
    await client.refuse('history park 6 50', 'UNAVAILABLE');
    expect(state(thread).older).toBe('failed');
    void thread.loadOlder();
    await client.answer('history park 6 50', { messages: [said(5, 'e')], more: false });
    expect(state(thread).older).toBe('none');
    expect(client.calls.filter((call) => call.startsWith('history'))).toHaveLength(3);
  });

  it('is nothing below the first offset', async () => {
    expect(state(await opened(page(said(1, 'a')))).older).toBe('none');
  });
});

describe('typing', () => {
  it('is forgotten after a while, and when they said it', async () => {
    const thread = await opened();
    const bob = { id: 'bob', name: 'Bob', kind: 'user' };
    thread.typing(bob);
    await timers.pass(3_000);
    thread.typing(bob);
    await timers.pass(3_000);
    expect(state(thread).typing).toEqual([bob]);
    await timers.pass(500);
    expect(state(thread).typing).toEqual([]);
    thread.typing(bob);
    thread.receive(said(1, 'done'));
    expect(state(thread).typing).toEqual([]);
  });
});

describe('a room that is over', () => {
  it('is read: its last messages come to those that are there, and nothing between counts as lost', async () => {
    const thread = await opened(page(said(1, 'a'), said(2, 'b')));
    thread.end('over', 'closed');
    void thread.read();
    await client.answer('history park undefined undefined', { messages: [said(2, 'b'), said(3, 'c')], more: true });
    expect([lines(thread), state(thread).older]).toEqual([['a stored', 'b stored', 'c stored'], 'none']);
    void thread.read();
    await client.answer('history park undefined undefined', { messages: [said(8, 'h'), said(9, 'i')], more: true });
    expect([lines(thread), state(thread).older, state(thread).status]).toEqual([['h stored', 'i stored'], 'some', 'over']);
  });

  it('rejects where it cannot be entered, and is as it was', async () => {
    const thread = make();
    const refused = expect(thread.join()).rejects.toMatchObject({ code: 'ROOM_CLOSED' });
    await client.refuse('join park', 'ROOM_CLOSED');
    await refused;
    expect(thread.status).toBe('idle');
  });
});

describe('[M4] a sequence that was lost', () => {
  it('keeps what is on its way, and lets what is missing be loaded', async () => {
    const thread = await opened(page(said(1, 'a'), said(2, 'b')));
    thread.publish('on its way');
    thread.resync([said(8, 'h'), said(9, 'i')]);
    expect([lines(thread), state(thread).older]).toEqual([['h stored', 'i stored', 'on its way pending'], 'some']);
  });
});

describe('what is unread', () => {
  it('are messages of others above an offset, loaded or not; the newest text is one that is on its way', async () => {
    const thread = await opened(page(said(3, 'c'), said(4, 'd', 'me'), said(5, 'e')));
    expect([thread.unread(3), thread.unread(0), thread.top, thread.lastText]).toEqual([1, 4, 5, 'e']);
    thread.publish('mine');
    expect(thread.lastText).toBe('mine');
  });
});
