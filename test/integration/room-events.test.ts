/** A test's own kind of event, which no part of the hub knows, on its way through all of them (M7). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PageLimit } from '#libs/broker/broker.ts';
import { type Membership, Retention } from '#libs/messages/room-access.ts';
import type { MessageFrame } from '#libs/protocol/frame-types.ts';
import { eventJson, eventTail } from '#libs/protocol/room-event.ts';
import { RedisKeys } from '#libs/redis/keys.ts';
import { StreamSweep } from '#services/worker/stream-sweep.ts';
import { HubStage, type StageClient } from '#test/support/hub-stage.ts';
import { SILENT } from '#test/support/room-stage.ts';
import type { ServerFrame } from '#test/support/server-frame.ts';
import { until } from '#test/support/wait.ts';

const ALL: PageLimit = { count: 100, bytes: 1_000_000 };

let stage: HubStage;
let serial = 0;
beforeAll(async () => {
  stage = await HubStage.start();
});
afterAll(() => stage.stop());

async function heard(client: StageClient, id: string): Promise<ServerFrame> {
  await client.until(() => client.frames.some((frame) => frame.id === id));
  return client.frames.find((frame) => frame.id === id) ?? { type: 'none' };
}

async function ask(client: StageClient, frame: { readonly type: string; readonly [member: string]: unknown }): Promise<ServerFrame> {
  serial += 1;
  client.send({ id: `a${serial}`, ...frame });
  return heard(client, `a${serial}`);
}

/** Publishes a message, and resolves with its place. */
async function say(client: StageClient, room: string, text: string): Promise<{ readonly offset: number; readonly id: string }> {
  const { type, message } = await ask(client, { type: 'message', room, text });
  expect(type).toBe('ack');
  return placeOf(message);
}

function placeOf(message: unknown): { readonly offset: number; readonly id: string } {
  return message as { readonly offset: number; readonly id: string };
}

function change(membership: Membership, target: { readonly offset: number; readonly id: string }, version: number, text: string) {
  serial += 1;
  const message = JSON.stringify({ id: target.id, from: { id: 'ann', name: 'Ann' }, text, at: 1_700_000_000_000 });
  return stage.writer.writeEvent({
    membership,
    event: { id: `event-${serial}`, kind: 'test.change', target, version, message, at: Date.now() },
  });
}

function unknown(membership: Membership) {
  serial += 1;
  const none = { target: undefined, version: undefined, message: undefined, at: Date.now() };
  return stage.writer.writeEvent({ membership, event: { id: `event-${serial}`, kind: 'test.unknown', ...none } });
}

/** Returns the received entries of a room's log in order: offset and text, or offset, kind and text of the state. */
function log(client: StageClient, room: string): unknown[] {
  return client.frames.flatMap((frame) => {
    if (frame.room !== room) return [];
    const { message } = frame as Partial<MessageFrame>;
    if (frame.type === 'message') return [[frame.offset, message?.text]];
    if (frame.type === 'offline_message') return [[frame.offset, 'offline', message?.text]];
    return frame.type === 'event' ? [[frame.offset, frame.event?.kind, frame.event?.message?.text]] : [];
  });
}

function page({ messages = [], events }: ServerFrame): unknown {
  return {
    messages: messages.map(({ offset, message, version }) => [offset, message.text, ...(version === undefined ? [] : [version])]),
    ...(events && { events: events.map(({ offset, event }) => [offset, event.kind, event.message?.text]) }),
  };
}

describe.each([
  ['a room that keeps history', 'park', Retention.history],
  ['a room that keeps a stream', 'events-room', Retention.stream],
])('[M7] in %s', (_, room, retention) => {
  const membership: Membership = { room, retention, members: undefined };

  test('an event goes to who asked for events, in its place; all others get messages, in their latest state', async () => {
    const [reader, plain] = await Promise.all([stage.connect({ sub: 'ann' }, { wantsEvents: true }), stage.connect({ sub: 'bob' })]);
    await Promise.all([reader.until(() => reader.frames.length > 0), plain.until(() => plain.frames.length > 0)]);
    expect([reader, plain].map(({ frames }) => frames[0]?.features)).toEqual([['events'], []]);
    const { epoch } = await ask(plain, { type: 'join', room });
    await ask(reader, { type: 'join', room });
    const one = await say(plain, room, 'one');
    expect(await change(membership, one, 2, 'ONE')).toMatchObject({ offset: 2 });
    expect(await change(membership, one, 1, 'late')).toMatchObject({ offset: 3 });
    expect(await unknown(membership)).toMatchObject({ offset: 4 });
    await say(plain, room, 'two');
    for (const client of [reader, plain]) await client.until(() => log(client, room).some((entry) => String(entry) === '5,two'));
    const messages = [
      [1, 'one'],
      [5, 'two'],
    ];
    const events = [
      [2, 'test.change', 'ONE'],
      [3, 'test.change', 'late'],
      [4, 'test.unknown', undefined],
    ];
    expect(log(plain, room)).toEqual(messages);
    expect(log(reader, room)).toEqual([messages[0], ...events, messages[1]]);
    const latest = [
      [1, 'ONE', 2],
      [5, 'two'],
    ];
    for (const client of [reader, plain]) {
      await ask(client, { type: 'leave', room });
      expect(page(await ask(client, { type: 'history', room }))).toEqual({ messages: latest });
      expect(page(await ask(client, { type: 'history', room, before: 5, limit: 1 }))).toEqual({ messages: [latest[0]] });
      const fresh = await ask(client, { type: 'join', room });
      expect([page(fresh), fresh.offset]).toEqual([{ messages: latest }, 5]);
      await ask(client, { type: 'leave', room });
    }
    const since = (offset: number) => ({ type: 'join', room, since: { epoch, offset } });
    expect(page(await ask(reader, since(0)))).toEqual({ messages, events });
    expect(page(await ask(plain, since(0)))).toEqual({ messages: latest });
    for (const client of [reader, plain]) await ask(client, { type: 'leave', room });
    expect(page(await ask(reader, since(2)))).toEqual({ messages: [[5, 'two']], events: events.slice(1) });
    expect(page(await ask(plain, since(2)))).toEqual({ messages: [[5, 'two']] });
    expect([reader.wrong, plain.wrong]).toEqual([[], []]);
    for (const client of [reader, plain]) client.close();
  });
});

test('[M5] [M7] a recovery leaves out pages of nothing but events that the connection does not get', async () => {
  const room = 'many-events';
  const membership: Membership = { room, retention: Retention.stream, members: undefined };
  const plain = await stage.connect({ sub: 'eve' });
  await plain.until(() => plain.frames.length > 0);
  const { epoch } = await ask(plain, { type: 'join', room });
  await say(plain, room, 'first');
  for (let n = 0; n < 250; n += 1) await unknown(membership);
  await say(plain, room, 'last');
  await ask(plain, { type: 'leave', room });
  const before = plain.frames.length;
  expect(page(await ask(plain, { type: 'join', room, since: { epoch, offset: 1 } }))).toEqual({ messages: [[252, 'last']] });
  expect(plain.frames.slice(before).filter(({ type }) => type === 'joined')).toHaveLength(1);
  await ask(plain, { type: 'leave', room });
  expect(page(await ask(plain, { type: 'join', room }))).toEqual({
    messages: [
      [1, 'first'],
      [252, 'last'],
    ],
  });
  plain.close();
});

test('[M7] the store gives back the log byte by byte where the stream is lost, and is completed from the stream', async () => {
  const { broker, store } = stage.backend;
  const { position, publications } = await broker.after('park', 0, ALL);
  expect(publications.map(({ offset }) => offset)).toEqual([1, 2, 3, 4, 5]);
  const at = Date.now();
  const event = eventJson({ id: 'unstored', kind: 'test.lost', target: undefined, version: undefined, message: undefined, at });
  const { offset } = await broker.publish({
    room: 'park',
    tail: eventTail('park', event),
    key: 'k'.repeat(22),
    at,
    event: { offset: 0, version: 0 },
  });
  expect(await store.messages.top('park')).toBe(offset - 1);
  const { background, backend } = stage;
  const sweep = new StreamSweep({ ...backend, ...store, log: SILENT, background, now: () => Date.now() + 1, graceMs: 0 });
  expect(await sweep.run()).toBe(1);
  expect((await store.messages.after('park', offset - 1, 10))[0]).toMatchObject({ offset, kind: 'test.lost', body: event });
  const keys = (await stage.command('KEYS', '*')) as string[];
  const stream = keys.find((key) => key.endsWith(new RedisKeys('', false).stream('park').slice(1))) ?? '';
  expect(await stage.command('DEL', stream)).toBe(1);
  const stored = await broker.after('park', 0, ALL);
  expect(stored).toMatchObject({ complete: true, position: { epoch: position.epoch, offset } });
  expect(stored.publications.slice(0, 5).map(({ frame }) => Buffer.from(frame).toString())).toEqual(
    publications.map(({ frame }) => Buffer.from(frame).toString()),
  );
  // Only the store has the message, and only the stream its change.
  const state = JSON.stringify({ id: 'm', text: 'changed', at });
  const target = { offset: 1, id: 'm' };
  const tail = eventTail('park', eventJson({ id: 'young', kind: 'test.change', target, version: 9, message: state, at }));
  await broker.publish({ room: 'park', tail, key: 'y'.repeat(22), at, event: { offset: 1, version: 9 } });
  const page = await broker.before('park', Number.POSITIVE_INFINITY, ALL);
  expect(Buffer.from(page.publications[0]?.change ?? '').toString()).toContain(state);
});

describe('[M6] [M7] in a direct room', () => {
  /** Ann's first message to somebody who is not here. */
  async function direct(to: string): Promise<{ ann: StageClient; membership: Membership; first: { offset: number; id: string } }> {
    const here = await stage.connect({ sub: to });
    await here.until(() => here.frames.length > 0);
    here.close();
    const ann = await stage.connect({ sub: 'ann' }, { wantsEvents: true });
    const { room = '', message } = await ask(ann, { type: 'message', to, text: 'first' });
    return { ann, membership: { room, retention: Retention.history, members: ['ann', to] }, first: placeOf(message) };
  }

  const complete = (client: StageClient): ServerFrame | undefined => client.frames.find(({ type }) => type === 'offline_messages_complete');
  const delivered = async (client: StageClient): Promise<void> => {
    await client.until(() => complete(client) !== undefined);
  };

  test('events wait for who was away, as messages do, but for those whose state a message has already', async () => {
    const { ann, membership, first } = await direct('carl');
    const { room } = membership;
    const before = await stage.connect({ sub: 'carl' }, { wantsEvents: true });
    await delivered(before);
    expect(log(before, room)).toEqual([[1, 'offline', 'first']]);
    await change(membership, first, 1, 'FIRST');
    await before.until(() => log(before, room).length === 2);
    expect(log(before, room)[1]).toEqual([2, 'test.change', 'FIRST']);
    before.send({ type: 'delivered', room, offset: 2 });
    await until(async () => (await stage.backend.store.cursors.delivered('carl', room)).delivered === 2);
    before.close();
    const second = await say(ann, room, 'second');
    await change(membership, second, 1, 'SECOND');
    await change(membership, first, 2, 'FIRST again');
    await unknown(membership);
    expect(await stage.backend.store.rooms.summary('carl', room)).toMatchObject({ top: 6, unread: 1 });
    const after = await stage.connect({ sub: 'carl' }, { wantsEvents: true });
    await delivered(after);
    expect(log(after, room)).toEqual([
      [3, 'offline', 'SECOND'],
      [5, 'test.change', 'FIRST again'],
      [6, 'test.unknown', undefined],
    ]);
    expect(complete(after)?.count).toBe(1);
    await until(async () => (await stage.backend.store.cursors.delivered('carl', room)).delivered === 6 || ping(after));
    for (const client of [ann, after]) client.close();
    await delivered(await stage.connect({ sub: 'carl' }));
  });

  test('the cursor of a client without the feature passes events, and it sees messages alone', async () => {
    const { ann, membership, first } = await direct('dora');
    const { room } = membership;
    const dora = await stage.connect({ sub: 'dora' });
    await delivered(dora);
    dora.send({ type: 'delivered', room, offset: 1 });
    await until(async () => (await stage.backend.store.cursors.delivered('dora', room)).delivered === 1);
    await change(membership, first, 1, 'FIRST');
    await say(ann, room, 'second');
    await dora.until(() => log(dora, room).length === 2);
    expect(log(dora, room)).toEqual([
      [1, 'offline', 'first'],
      [3, 'second'],
    ]);
    dora.send({ type: 'delivered', room, offset: 3 });
    await until(async () => (await stage.backend.store.cursors.delivered('dora', room)).delivered === 3);
    dora.close();
    await change(membership, first, 2, 'FIRST again');
    const again = await stage.connect({ sub: 'dora' });
    await delivered(again);
    expect(log(again, room)).toEqual([]);
    await until(async () => (await stage.backend.store.cursors.delivered('dora', room)).delivered === 4);
    expect([...ann.wrong, ...dora.wrong, ...again.wrong]).toEqual([]);
    for (const client of [ann, again]) client.close();
  });
});

/** A sign of life: the hub asks with a ping whether what it sent arrived. */
function ping(client: StageClient): false {
  serial += 1;
  client.send({ type: 'ping', id: `p${serial}` });
  return false;
}
