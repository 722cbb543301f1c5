import { beforeEach, describe, expect, it } from 'vitest';

import { ChatStore } from '#services/web/src/chat/state/chat-store.ts';
import type { Room } from '#services/web/src/chat/state/room-list.ts';
import { FakeChatClient, FakeTimers, said, settled } from '#test/support/fake-chat-client.ts';

const ME = { id: 'me', name: 'Me', kind: 'user' };
const BOB = { id: 'bob', name: 'Bob', kind: 'user' };
const PARK: Room = { room: 'park', kind: 'park', name: 'Park', keepHistory: true, count: 1, offset: 0, unread: 0 };
const GROUP: Room = { room: 'group:1', kind: 'group', name: 'Ducks', keepHistory: true, count: 1, offset: 5, unread: 2 };
const DM: Room = { room: 'dm:1', kind: 'dm', name: 'Bob', with: BOB, keepHistory: true, count: 1, offset: 3, unread: 1 };

let client: FakeChatClient;
let timers: FakeTimers;
let rooms: readonly Room[];
let unseen: string[];
let store: ChatStore;
let stop: () => void;

beforeEach(async () => {
  client = new FakeChatClient();
  timers = new FakeTimers();
  rooms = [PARK, GROUP, DM];
  unseen = [];
  store = new ChatStore({
    client,
    timers,
    account: { user: ME, call: async () => ({ rooms }) },
    onUnseen: (room, { text }) => unseen.push(`${room.room} ${text}`),
  });
  stop = store.start();
  await settled();
});

const joins = (): string[] => client.calls.filter((call) => call.startsWith('join'));
const live = (room: string, offset: number, from = 'bob') =>
  client.emit('message', { room, origin: 'live', ...said(offset, `text ${offset}`, from) });

describe('the chat', () => {
  it('enters the park and the groups at once, a direct room when it is looked at', () => {
    expect(joins()).toEqual(['join park', 'join group:1']);
    store.setRoomInView('dm:1');
    expect(joins()).toEqual(['join park', 'join group:1', 'join dm:1']);
    stop();
    expect(client.listeners).toBe(0);
  });

  it('[M6] tells the hub what was read: what is in view, on a page that can be seen', () => {
    const delivered = () => client.calls.filter((call) => call.startsWith('delivered'));
    live('group:1', 6);
    expect(store.rooms.get('group:1')?.unread).toBe(3);
    expect(delivered()).toEqual([]);
    store.setRoomInView('group:1');
    expect(store.rooms.get('group:1')?.unread).toBe(0);
    live('group:1', 7);
    expect(delivered()).toEqual(['delivered group:1 6', 'delivered group:1 7']);
    store.setVisible(false);
    live('group:1', 8);
    expect(delivered()).toHaveLength(2);
    expect(store.rooms.unread).toBe(2);
    expect(unseen).toEqual(['group:1 text 8']);
    store.setVisible(true);
    expect(delivered().at(-1)).toBe('delivered group:1 8');
  });

  it('does not tell me of my own words', () => {
    store.setVisible(false);
    live('group:1', 6, 'me');
    expect(unseen).toEqual([]);
  });

  it('asks for the list where a message comes from a room nobody told of', async () => {
    rooms = [PARK, GROUP, DM, { ...DM, room: 'dm:2', with: { id: 'eve', name: 'Eve', kind: 'user' }, unread: 1, offset: 1 }];
    live('dm:2', 1, 'eve');
    await settled();
    expect(store.rooms.get('dm:2')?.unread).toBe(1);
  });

  it('tells of the first message of somebody new, too', async () => {
    store.setVisible(false);
    rooms = [PARK, GROUP, DM, { ...DM, room: 'dm:2', with: { id: 'eve', name: 'Eve', kind: 'user' }, unread: 1, offset: 1 }];
    live('dm:2', 1, 'eve');
    await settled();
    live('dm:2', 2, 'eve');
    expect(unseen).toEqual(['dm:2 text 1', 'dm:2 text 2']);
  });

  it('goes on in the room that a first direct message made, whoever wrote first', async () => {
    expect(store.direct('bob')).toBe(store.thread('dm:1'));
    const thread = store.direct('eve');
    expect(thread.room).toBeUndefined();
    thread.publish('hi');
    rooms = [PARK, { ...DM, room: 'dm:2', with: { id: 'eve', name: 'Eve', kind: 'user' }, unread: 0, offset: 1 }];
    await client.answer('sendTo eve id1 hi', { room: 'dm:2', message: { id: 'm1', offset: 1, at: timers.now() } });
    expect(store.direct('eve')).toBe(thread);
    expect(thread.room).toBe('dm:2');

    const other = store.direct('dan');
    rooms = [PARK, { ...DM, room: 'dm:3', with: { id: 'dan', name: 'Dan', kind: 'user' }, unread: 1, offset: 1 }];
    live('dm:3', 1, 'dan');
    await settled();
    expect([store.thread('dm:3'), store.direct('dan')]).toEqual([other, other]);
    expect(joins()).toContain('join dm:3');
  });

  it('[A9] tells of a pair that nobody here asked for, and enters it', async () => {
    rooms = [PARK, { ...DM, room: 'pair:1', kind: 'pair', keepHistory: false, expiresAt: 5, offset: 0, unread: 0 }];
    client.emit('matched', { room: 'pair:1', with: BOB });
    await settled();
    expect(store.notices.view.getState()).toMatchObject([{ kind: 'paired', with: BOB }]);
    expect(store.pair.state).toMatchObject({ is: 'paired', pair: { expiresAt: 5 } });
    expect(joins()).toContain('join pair:1');
    rooms = [PARK];
    client.emit('room_closed', { room: 'pair:1', reason: 'expired' });
    await settled();
    expect(store.pair.state).toMatchObject({ is: 'over', reason: 'expired' });
    expect([store.thread('pair:1').status, store.rooms.get('pair:1')]).toEqual(['over', undefined]);
  });

  it('[A9] reads a pair that was kept and has ended, and neither joins it nor takes it for the pair', async () => {
    const ended = { ...DM, room: 'pair:0', kind: 'pair', keepHistory: true, closedAt: 5, count: 0, unread: 1, offset: 2 } as const;
    rooms = [PARK, ended];
    store.setRoomInView('pair:0');
    await settled();
    await store.refresh();
    expect(store.pair.state.is).toBe('free');
    expect(joins().filter((call) => call === 'join pair:0').length).toBeLessThan(2);
    expect(store.thread('pair:0').status).toBe('over');
    await client.answer('history pair:0 undefined undefined', { messages: [said(1, 'one'), said(2, 'two')], more: false });
    expect(store.thread('pair:0').view.getState().items).toHaveLength(2);
  });

  it('[A9] sees that its pair ended while it was away', async () => {
    rooms = [PARK, { ...DM, room: 'pair:1', kind: 'pair', keepHistory: false, expiresAt: 5, offset: 0, unread: 0 }];
    await store.refresh();
    expect(store.thread('pair:1').status).toBe('opening');
    rooms = [PARK];
    await store.refresh();
    expect([store.pair.state.is, store.thread('pair:1').status]).toEqual(['over', 'over']);
  });

  it('[A8] goes into a group it is taken into, and out of it', async () => {
    rooms = [PARK, GROUP, { ...GROUP, room: 'group:2', name: 'Geese' }];
    client.emit('command', { code: 'room', body: { room: 'group:2', name: 'Geese', action: 'added' } });
    await settled();
    expect(store.notices.view.getState()).toMatchObject([{ kind: 'added', room: 'group:2', name: 'Geese' }]);
    expect(joins()).toContain('join group:2');
    rooms = [PARK, GROUP];
    client.emit('command', { code: 'room', body: { room: 'group:2', name: 'Geese', action: 'removed' } });
    await settled();
    expect(store.thread('group:2').status).toBe('refused');
    // The client learns it from the hub.
    expect(client.calls).not.toContain('leave group:2');
    expect(store.notices.view.getState().at(-1)).toMatchObject({ kind: 'removed', name: 'Geese' });
  });

  it('[A11] shows what a service says', () => {
    client.emit('inform', { body: 'Rain at five' });
    client.emit('inform', { body: { level: 3 } });
    expect(store.notices.view.getState()).toMatchObject([{ text: 'Rain at five' }, { text: '{"level":3}' }]);
    store.notices.close(1);
    expect(store.notices.view.getState()).toHaveLength(1);
  });

  it('[P4] keeps the counts, and asks for those nobody pushes', async () => {
    client.emit('welcome', { online: 0, limits: { messageChars: 50, conversationChars: 50, frameBytes: 1, rooms: 100 } });
    expect(store.view.getState().online).toBe(1);
    client.emit('online', { count: 7 });
    client.emit('room_online', { room: 'park', count: 4 });
    await settled();
    expect([store.view.getState().online, store.thread('park').audience.view.getState().count, store.view.getState().messageChars]).toEqual(
      [7, 4, 50],
    );
    rooms = [PARK, GROUP, { ...DM, count: 2 }];
    await timers.pass(20_000);
    expect(store.rooms.get('dm:1')?.count).toBe(2);
  });

  it('[M2] tells of a message that the hub refuses again and again, though it is tried on, and of its end', async () => {
    const thread = store.thread('park');
    thread.publish('keep this');
    const state = () => thread.view.getState().outbox[0]?.state;
    const refuse = () => client.emit('frame', { type: 'error', id: 'id1', code: 'NOT_STORED' } as object);
    refuse();
    refuse();
    expect(state()).toBe('pending');
    refuse();
    expect([state(), thread.view.getState().outbox[0]?.code]).toEqual(['failed', 'NOT_STORED']);
    thread.retry('id1');
    expect(state()).toBe('pending');
    await client.answer('send park id1 keep this', { room: 'park', message: { id: 'm1', offset: 1, at: 1 } });
    expect([state(), thread.top]).toEqual([undefined, 1]);
  });

  it('a message that is tried on can be taken back', async () => {
    const thread = store.thread('park');
    thread.publish('never mind');
    for (let i = 0; i < 3; i += 1) client.emit('frame', { type: 'error', id: 'id1', code: 'NOT_STORED' } as object);
    thread.discard('id1');
    expect(client.calls).toContain('discard id1');
    await client.refuse('send park id1 never mind', 'DISCARDED');
    expect(thread.view.getState().outbox).toEqual([]);
  });

  it('[C] knows when nothing can be sent any more', () => {
    client.emit('status', { state: 'reconnecting' });
    expect(store.view.getState().ended).toBe(false);
    client.emit('status', { state: 'closed' });
    expect(store.view.getState().ended).toBe(true);
  });

  it('leaves the room that was not looked at for longest before the hub says it is too many', async () => {
    rooms = [PARK, ...Array.from({ length: 95 }, (_, n) => ({ ...DM, room: `dm:${n}`, with: { id: `u${n}`, name: 'x', kind: 'user' } }))];
    await store.refresh();
    await client.answer('join park', { count: 1, messages: [] });
    await client.answer('join group:1', { count: 1, messages: [] });
    for (let n = 0; n < 95; n += 1) store.setRoomInView(`dm:${n}`);
    expect(client.calls.filter((call) => call.startsWith('leave'))).toEqual(['leave park', 'leave group:1']);
  });
});
