import { beforeEach, describe, expect, it } from 'vitest';
import { Thread } from '#services/web/src/conversation/thread.ts';
import { UnsentTexts } from '#services/web/src/conversation/unsent-texts.ts';
import { FakeChatClient, FakeTimers } from '#test/support/fake-chat-client.ts';

const ME = { id: 'me', name: 'Me', kind: 'user' };
const KEY = 'unsent';

let kept: Map<string, string>;
let full: boolean;
let risks: boolean[];
let timers: FakeTimers;
let client: FakeChatClient;

beforeEach(() => {
  kept = new Map();
  full = false;
  risks = [];
  timers = new FakeTimers();
  client = new FakeChatClient();
});

const storage = {
  getItem: (key: string) => kept.get(key) ?? null,
  setItem: (key: string, value: string) => {
    if (full) throw new Error('the storage is full');
    kept.set(key, value);
  },
  removeItem: (key: string) => void kept.delete(key),
};

/** The page is loaded, by this user. */
const load = (owner = 'me', { isForbidden = false } = {}) =>
  new UnsentTexts({ storage: isForbidden ? undefined : storage, key: KEY, owner, onRisk: (isAtRisk) => risks.push(isAtRisk) });

function threadOf(unsent: UnsentTexts, room = 'park'): Thread {
  return new Thread({ client, me: ME, timers, room, keepsHistory: true, unsent });
}

const shown = (thread: Thread) => thread.view.getState().outbox.map(({ text, state, code }) => `${text} ${code ?? state}`);
const sent = () => client.calls.filter((call) => call.startsWith('send'));

describe('a draft', () => {
  it('outlives a reload, in its room', () => {
    threadOf(load()).setDraft('half a tho');
    const unsent = load();
    expect([threadOf(unsent).draft, threadOf(unsent, 'group:1').draft]).toEqual(['half a tho', '']);
    threadOf(unsent).setDraft('');
    expect([threadOf(load()).draft, kept.size]).toEqual(['', 0]);
  });

  it('is never shown to another user, and gone after that', () => {
    threadOf(load()).setDraft('my secret');
    expect(threadOf(load('eve')).draft).toBe('');
    expect([threadOf(load()).draft, kept.size]).toEqual(['', 0]);
  });

  it('is dropped at the logout, whatever ends after it', () => {
    const unsent = load();
    const thread = threadOf(unsent);
    thread.setDraft('my secret');
    thread.publish('on its way');
    unsent.end();
    thread.setDraft('more');
    thread.discard('id1');
    expect([kept.size, load().places]).toEqual([0, []]);
  });
});

describe('[M2] an unsent message', () => {
  it('goes on its way after a reload under its id, once the room is joined, in order', async () => {
    const before = threadOf(load());
    before.publish('one');
    before.publish('two');
    client = new FakeChatClient();
    const after = threadOf(load());
    expect([shown(after), sent()]).toEqual([['one pending', 'two pending'], []]);
    after.open();
    expect(client.calls).toEqual(['join park', 'send park id1 one', 'send park id2 two']);
    await client.answer('join park', { count: 1, messages: [] });
    await client.answer('send park id1 one', { room: 'park', message: { id: 'm1', offset: 1, at: timers.now() } });
    expect([
      shown(after),
      load()
        .messages('park')
        .map(({ id }) => id),
    ]).toEqual([['two pending'], ['id2']]);
    await client.answer('send park id2 two', { room: 'park', message: { id: 'm2', offset: 2, at: timers.now() } });
    expect([load().places, kept.size, sent().length]).toEqual([[], 0, 2]);
  });

  it('that the hub may have is not sent again once it has forgotten the id: the person decides', async () => {
    const unsent = load();
    unsent.setOnline(true);
    threadOf(unsent).publish('did it arrive?');
    await timers.pass(270_000);
    client = new FakeChatClient();
    const after = threadOf(load());
    after.open();
    expect([shown(after), sent()]).toEqual([['did it arrive? EXPIRED'], []]);
  });

  it('that was never sent has no such end', async () => {
    threadOf(load()).publish('written in a tunnel');
    await timers.pass(3_600_000);
    client = new FakeChatClient();
    threadOf(load()).open();
    expect(sent()).toEqual(['send park id1 written in a tunnel']);
  });

  it('stops being sent again when that time is over after the reload', async () => {
    const unsent = load();
    unsent.setOnline(true);
    threadOf(unsent).publish('did it arrive?');
    await timers.pass(200_000);
    client = new FakeChatClient();
    const after = threadOf(load());
    after.open();
    expect(sent()).toHaveLength(1);
    await timers.pass(70_000);
    expect(client.calls).toContain('discard id1');
    await client.refuse('send park id1 did it arrive?', 'DISCARDED');
    expect(shown(after)).toEqual(['did it arrive? EXPIRED']);
  });

  it('that was refused stays refused; one that a closed connection gave up goes out', async () => {
    const before = threadOf(load());
    before.publish('too long');
    await client.refuse('send park id1 too long', 'MESSAGE_TOO_LONG');
    before.publish('cut off');
    await client.refuse('send park id2 cut off', 'CLOSED');
    client = new FakeChatClient();
    const after = threadOf(load());
    after.open();
    expect([shown(after), sent()]).toEqual([['too long MESSAGE_TOO_LONG', 'cut off pending'], ['send park id2 cut off']]);
  });
});

describe('the browser asks before it leaves the page', () => {
  it('while something is unsent that is not kept: storage is forbidden', async () => {
    const thread = threadOf(load('me', { isForbidden: true }));
    expect(risks).toEqual([]);
    thread.setDraft('hello');
    expect(risks).toEqual([true]);
    thread.setDraft('');
    thread.publish('hello');
    await client.answer('send park id1 hello', { room: 'park', message: { id: 'm1', offset: 1, at: timers.now() } });
    expect(risks.at(-1)).toBe(false);
  });

  it('or full, or there is more than a page may keep', () => {
    const thread = threadOf(load());
    thread.setDraft('hello');
    expect(risks).toEqual([]);
    full = true;
    thread.setDraft('hello!');
    full = false;
    thread.setDraft('hello!!');
    thread.setDraft('x'.repeat(600_000));
    expect(risks).toEqual([true, false, true]);
  });
});
