import { beforeEach, describe, expect, it } from 'vitest';

import { toLines } from '#services/web/src/chat/state/lines.ts';
import { Talk, type TalkOptions } from '#services/web/src/chat/state/talk.ts';
import { FakeChatClient, FakeTimers, said } from '#test/support/fake-chat-client.ts';

const ME = { id: 'me', name: 'Me', kind: 'user' };

let client: FakeChatClient;
let timers: FakeTimers;

beforeEach(() => {
  client = new FakeChatClient();
  timers = new FakeTimers();
});

const make = (options: Partial<TalkOptions> = {}): Talk =>
  new Talk({ client, timers, me: ME, target: { room: 'park' }, keepsHistory: true, ...options });

const page = (...messages: ReturnType<typeof said>[]) => ({ count: 2, messages });

async function opened(messages = page()): Promise<Talk> {
  const talk = make();
  talk.open();
  await client.answer('join park', messages);
  return talk;
}

function lines(talk: Talk): string[] {
  const all = toLines({ items: talk.timeline.items, outbox: talk.outbox.entries, me: ME, firstNew: talk.firstNew });
  return all.flatMap((line) => (line.kind === 'said' ? [`${line.text} ${line.state}`] : line.kind === 'new' ? ['(new)'] : []));
}

describe('entering a room', () => {
  it('shows its latest page and who is here', async () => {
    const talk = await opened(page(said(4, 'a'), said(5, 'b')));
    await client.answer('presence park', { count: 3, users: [ME, { id: 'bob', name: 'Bob', kind: 'user' }] });
    expect(lines(talk)).toEqual(['a stored', 'b stored']);
    expect(talk.state).toBe('open');
    expect(talk.audience.count).toBe(3);
    talk.member('joined', { id: 'al', name: 'Al', kind: 'user' });
    talk.member('left', { id: 'bob', name: 'Bob', kind: 'user' });
    expect(talk.audience.people.map(({ name }) => name)).toEqual(['Al', 'Me']);
  });

  it('is tried again where that may help, and told where it cannot', async () => {
    const talk = make();
    talk.open();
    await client.refuse('join park', 'UNAVAILABLE');
    expect(talk.state).toBe('idle');
    await timers.pass(3_000);
    expect(talk.state).toBe('opening');
    await client.refuse('join park', 'FORBIDDEN');
    expect([talk.state, talk.code]).toEqual(['refused', 'FORBIDDEN']);
  });

  it('asks anew who is here after a new connection', async () => {
    const talk = await opened();
    await client.answer('presence park', { count: 2, users: [ME, { id: 'bob', name: 'Bob', kind: 'user' }] });
    talk.rejoined(1);
    await client.answer('presence park', { count: 1, users: [ME] });
    expect(talk.audience.people).toEqual([ME]);
  });

  it('marks what is new', async () => {
    const talk = make();
    talk.beginReading(2);
    talk.open();
    await client.answer('join park', page(said(1, 'old'), said(2, 'new'), said(3, 'newer')));
    expect(lines(talk)).toEqual(['old stored', '(new)', 'new stored', 'newer stored']);
    talk.say('read it');
    expect(lines(talk)).not.toContain('(new)');
  });
});

describe('saying something', () => {
  it('[M1] is shown at once, and stored when the hub has it', async () => {
    const talk = await opened();
    talk.say('hello');
    expect(lines(talk)).toEqual(['hello pending']);
    await client.answer('send park id1 hello', { room: 'park', message: { id: 'm1', offset: 1, at: timers.now() } });
    expect(lines(talk)).toEqual(['hello stored']);
    talk.arrived(said(1, 'hello', 'me'));
    expect(lines(talk)).toEqual(['hello stored']);
  });

  it('[M1] waits for the acknowledgement, though the room has shown it', async () => {
    const talk = await opened();
    talk.say('hello');
    talk.arrived(said(1, 'hello', 'me'));
    talk.arrived(said(2, 'hi'));
    expect(lines(talk)).toEqual(['hello pending', 'hi stored']);
    await client.answer('send park id1 hello', { room: 'park', message: { id: 'm1', offset: 1, at: timers.now() } });
    expect(lines(talk)).toEqual(['hello stored', 'hi stored']);
  });

  it('is not mistaken for the same words from another tab', async () => {
    const talk = await opened();
    talk.say('ok');
    talk.arrived(said(1, 'ok', 'me'));
    await client.answer('send park id1 ok', { room: 'park', message: { id: 'm2', offset: 2, at: timers.now() } });
    expect(lines(talk)).toEqual(['ok stored', 'ok stored']);
  });

  it('[M2] fails, and is tried again under the same id', async () => {
    const talk = await opened();
    talk.say('keep this');
    await client.refuse('send park id1 keep this', 'NOT_STORED');
    expect(lines(talk)).toEqual(['keep this failed']);
    talk.retry('id1');
    expect(lines(talk)).toEqual(['keep this pending']);
    await client.answer('send park id1 keep this', { room: 'park', message: { id: 'm1', offset: 1, at: timers.now() } });
    expect(lines(talk)).toEqual(['keep this stored']);
  });

  it('that cannot work is not tried again, and can be taken out', async () => {
    const talk = await opened();
    talk.say('too late');
    await client.refuse('send park id1 too late', 'ROOM_CLOSED');
    talk.retry('id1');
    expect(lines(talk)).toEqual(['too late failed']);
    talk.discard('id1');
    expect(lines(talk)).toEqual([]);
  });

  it('to somebody new makes the room', async () => {
    const rooms: string[] = [];
    const talk = make({ target: { user: 'bob' }, onRoom: (room) => rooms.push(room) });
    expect([talk.state, talk.room]).toEqual(['open', undefined]);
    talk.say('hi');
    await client.answer('sendTo bob id1 hi', { room: 'dm:1', message: { id: 'm1', offset: 1, at: timers.now() } });
    expect(rooms).toEqual(['dm:1']);
    talk.settle('dm:1');
    await client.answer('join dm:1', page(said(1, 'hi', 'me')));
    expect(lines(talk)).toEqual(['hi stored']);
  });
});

describe('what is older', () => {
  it('is loaded page by page, until there is no more', async () => {
    const talk = await opened(page(said(8, 'h')));
    expect(talk.older).toBe('some');
    const loading = talk.loadOlder();
    expect(talk.older).toBe('loading');
    void talk.loadOlder();
    await client.answer('history park 8 50', { messages: [said(6, 'f'), said(7, 'g')], more: true });
    await loading;
    expect(lines(talk)).toEqual(['f stored', 'g stored', 'h stored']);
    void talk.loadOlder();
    await client.refuse('history park 6 50', 'UNAVAILABLE');
    expect(talk.older).toBe('failed');
    void talk.loadOlder();
    await client.answer('history park 6 50', { messages: [said(5, 'e')], more: false });
    expect(talk.older).toBe('none');
    expect(client.calls.filter((call) => call.startsWith('history'))).toHaveLength(3);
  });

  it('is nothing below the first offset', async () => {
    expect((await opened(page(said(1, 'a')))).older).toBe('none');
  });
});

describe('typing', () => {
  it('is forgotten after a while, and when they said it', async () => {
    const talk = await opened();
    const bob = { id: 'bob', name: 'Bob', kind: 'user' };
    talk.typists.started(bob);
    await timers.pass(3_000);
    talk.typists.started(bob);
    await timers.pass(3_000);
    expect(talk.typists.people).toEqual([bob]);
    await timers.pass(500);
    expect(talk.typists.people).toEqual([]);
    talk.typists.started(bob);
    talk.arrived(said(1, 'done'));
    expect(talk.typists.people).toEqual([]);
  });
});
