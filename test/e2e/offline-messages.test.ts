import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RedisKeys } from '#libs/redis/keys.ts';
import type { Store } from '#libs/store/store.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { acked } from '#test/support/acked.ts';
import { ChatClient } from '#test/support/chat-client.ts';
import { signToken } from '#test/support/jwt.ts';
import { RawClient } from '#test/support/raw-client.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { messageOf, type ServerFrame } from '#test/support/server-frame.ts';
import { SMALL_YOUNG_HEAP, TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';

let hub: TestHub<RedisServer>;
let store: Store;
TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.single({ gateways: 2, env: SMALL_YOUNG_HEAP });
  store = await openStore({ url: hub.database.url });
});
afterEach(() => hub.clear());
afterAll(async () => {
  await store?.close();
  await hub?.stop();
});

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** A writer, and a room of the writer and a reader who is away. */
async function stage(kind: 'group' | 'pair' | 'conv' = 'pair'): Promise<{ writer: ChatClient; reader: string; room: string }> {
  const [ada, bob] = [hub.name('ada'), hub.name('bob')];
  const room = `${kind}:${hub.name('room')}`;
  const members = [ada, bob].map((id) => ({ id, name: id }));
  await store.rooms.create({ room, kind, title: '', owner: ada, keepHistory: true, createdAt: Date.now(), expiresAt: undefined }, members);
  const writer = await hub.client(ada, 0);
  if (kind === 'group') await writer.join(room);
  return { writer, reader: bob, room };
}

async function complete(client: ChatClient): Promise<ServerFrame[]> {
  const end = await client.waitFor('offline_messages_complete', () => true, { timeoutMs: 30_000 });
  const waited = client.of('offline_message');
  expect(end.count).toBe(waited.length);
  expect(client.frames.indexOf(end)).toBeGreaterThan(waited.length === 0 ? -1 : client.frames.lastIndexOf(waited.at(-1) as ServerFrame));
  return waited;
}

const streamOf = (room: string): string => new RedisKeys('parley', false).stream(room);

const delivered = async (user: string, room: string, offset: number): Promise<void> => {
  await until(async () => (await store.cursors.delivered(user, room)).delivered === offset, {
    describe: `cursor of ${user} in ${room} at ${offset}`,
  });
};

describe('M6 offline messages', () => {
  it.each(['group', 'pair', 'conv'] as const)(
    '[M6] messages of a %s come at the next connect, oldest first, then the end',
    async (kind) => {
      const { writer, reader, room } = await stage(kind);
      for (const n of range(1, 150)) await acked(writer, room, `${n}`);
      const back = await hub.client(reader, 1);
      const waited = await complete(back);
      expect(waited.map(({ offset }) => offset)).toEqual(range(1, 150));
      expect(waited.map((frame) => messageOf(frame).text)).toEqual(range(1, 150).map(String));
      expect(waited[0]).toMatchObject({ room, message: { from: { id: writer.user, name: writer.user } } });
      expect(back.of('message')).toEqual([]);
    },
  );

  it.each(['group', 'pair', 'conv'] as const)(
    '[M6] what one said oneself in a %s waits for nobody and is not unread, and the cursor passes it up to what another one said',
    async (kind) => {
      const { writer, reader, room } = await stage(kind);
      await writer.waitFor('offline_messages_complete');
      for (const n of range(1, 3)) await acked(writer, room, `${n}`);
      const unread = async (user: string) => (await store.rooms.of(user, { limit: 10 })).items.find((one) => one.room === room)?.unread;
      expect([await unread(writer.user), await unread(reader)]).toEqual([0, 3]);
      await writer.close();
      const other = await hub.client(reader, 1);
      if (kind === 'group') await other.join(room);
      await complete(other);
      await acked(other, room, 'an answer');
      const back = await hub.client(writer.user, 1);
      expect((await complete(back)).map((frame) => messageOf(frame).text)).toEqual(['an answer']);
      expect(await unread(writer.user)).toBe(1);
      await back.close();
      await delivered(writer.user, room, 3);
    },
  );

  it('[M6] [R5] what one says on another device meanwhile reaches every session', async () => {
    const { writer, room } = await stage();
    for (const n of range(1, 300)) await acked(writer, room, `${n}`);
    // An ack does not wait for the signals to the sessions, nor for the cursor: nothing of the first messages is under way any more.
    await until(() => writer.of('message').some((frame) => messageOf(frame).text === '300'));
    writer.send({ type: 'delivered', room, offset: 300 });
    await delivered(writer.user, room, 300);
    const second = await hub.client(writer.user, 1);
    for (const n of range(301, 310)) await acked(writer, room, `${n}`);
    await second.waitFor('offline_messages_complete');
    const texts = () => [...second.of('offline_message'), ...second.of('message')].map((frame) => messageOf(frame).text);
    await until(() => texts().includes('310'));
    expect(texts()).toEqual([...new Set(texts())]);
    expect(texts()).toEqual(expect.arrayContaining(range(302, 310).map(String)));
    expect(texts().filter((text) => Number(text) <= 300)).toEqual([]);
  });

  it('[M6] [A10] the last words of a conversation that was closed meanwhile wait, too; it is read, and not entered any more', async () => {
    const { writer, reader, room } = await stage('conv');
    for (const n of range(1, 3)) await acked(writer, room, `${n}`);
    expect(await store.rooms.close(room, 'closed', Date.now())).toBe(true);
    const back = await hub.client(reader, 1);
    expect((await complete(back)).map(({ offset }) => offset)).toEqual([1, 2, 3]);
    const page = await back.history(room, { before: 3 });
    expect(page.messages?.map((one) => one.offset)).toEqual([1, 2]);
    // Their answers come in any order.
    const refused = [back.join(room), back.message(room, 'late'), back.presence(room)];
    await Promise.all(refused.map((answer) => expect(answer).rejects.toMatchObject({ code: 'ROOM_CLOSED' })));
    back.send({ type: 'delivered', room, offset: 3 });
    await delivered(reader, room, 3);
    expect(await complete(await hub.client(reader, 0))).toEqual([]);
    const stranger = await hub.client(hub.name('stranger'), 0);
    await expect(stranger.history(room)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it.each(['group', 'pair'] as const)('[M6] nothing waits of a %s that was closed', async (kind) => {
    const { writer, reader, room } = await stage(kind);
    await acked(writer, room, 'over');
    expect(await store.rooms.close(room, 'closed', Date.now())).toBe(true);
    const back = await hub.client(reader, 1);
    expect(await complete(back)).toEqual([]);
    // What a pair kept is read on request (A9).
    if (kind === 'pair') expect((await back.history(room)).messages?.map(({ message }) => message.text)).toEqual(['over']);
    else await expect(back.history(room)).rejects.toMatchObject({ code: 'ROOM_CLOSED' });
  });

  it('[M6] nothing waits for who has nothing: the end comes at once', async () => {
    const client = await hub.client(hub.name('new'), 0);
    expect(await complete(client)).toEqual([]);
  });

  it('[M6] what was dropped for its age waits for nobody: the end comes', async () => {
    const { writer, reader, room } = await stage();
    for (const n of range(1, 3)) await acked(writer, room, `${n}`);
    // A stream holds what it has for a far shorter time than the store.
    await hub.backend.command('XTRIM', streamOf(room), 'MINID', '3');
    await hub.database.query('DELETE FROM messages WHERE room = $1 AND "offset" < 3', [room]);
    expect((await complete(await hub.client(reader, 1))).map(({ offset }) => offset)).toEqual([3]);
    await hub.database.query('DELETE FROM messages WHERE room = $1', [room]);
    expect(await complete(await hub.client(reader, 0))).toEqual([]);
  });

  it('[M6] what was said before a room kept history waits for nobody, and does not come with what is said after', async () => {
    const [ada, bob] = [hub.name('ada'), hub.name('bob')];
    const room = `pair:${hub.name('room')}`;
    const members = [ada, bob].map((id) => ({ id, name: id }));
    await store.rooms.create(
      { room, kind: 'pair', title: '', owner: '', keepHistory: false, createdAt: Date.now(), expiresAt: undefined },
      members,
    );
    const before = await hub.client(ada, 0);
    for (const n of range(1, 3)) await acked(before, room, `${n}`);
    const said = Date.now();
    await until(() => Date.now() > said, { everyMs: 1 });
    await store.rooms.update(room, { keepHistory: true }, Date.now());
    const here = await hub.client(bob, 1);
    expect(await complete(here)).toEqual([]);
    await acked(await hub.client(ada, 1), room, '4');
    await here.waitFor('message', ({ offset }) => offset === 4);
    expect(here.of('message').map(({ offset }) => offset)).toEqual([4]);
    await here.close();
    expect((await complete(await hub.client(bob, 1))).map(({ offset }) => offset)).toEqual([4]);
  });

  it('[M6] several rooms come in the order in which it was said', async () => {
    const { writer, reader, room } = await stage();
    const second = `conv:${hub.name('room')}`;
    await store.rooms.create(
      { room: second, kind: 'conv', title: '', owner: '', keepHistory: true, createdAt: Date.now(), expiresAt: undefined },
      [writer.user, reader].map((id) => ({ id, name: id })),
    );
    for (const n of range(1, 20)) {
      await acked(writer, n % 3 === 0 ? second : room, `${n}`);
      // Stamps are milliseconds: two messages of one have no order between rooms.
      const said = Date.now();
      await until(() => Date.now() > said, { everyMs: 1 });
    }
    const back = await hub.client(reader, 1);
    expect((await complete(back)).map((frame) => messageOf(frame).text)).toEqual(range(1, 20).map(String));
  });

  it('[M6] `delivered` moves the cursor for all devices; what is above it comes again', async () => {
    const { writer, reader, room } = await stage();
    for (const n of range(1, 10)) await acked(writer, room, `${n}`);
    const phone = await hub.client(reader, 0);
    await complete(phone);
    phone.send({ type: 'delivered', room, offset: 6 });
    await delivered(reader, room, 6);
    // An older one, and one of a room that is not theirs, change nothing.
    phone.send({ type: 'delivered', room, offset: 2 });
    phone.send({ type: 'delivered', room: 'group:not-theirs', offset: 2 });
    await phone.onLineNumber();
    const laptop = await hub.client(reader, 1);
    expect((await complete(laptop)).map(({ offset }) => offset)).toEqual(range(7, 10));
    laptop.send({ type: 'delivered', room, offset: 10 });
    await delivered(reader, room, 10);
    const tablet = await hub.client(reader, 0);
    expect(await complete(tablet)).toEqual([]);
    expect((await store.cursors.delivered(reader, 'group:not-theirs')).delivered).toBe(0);
  });

  it('[M6] the first frame after the end counts as `delivered` of a client that sends none', async () => {
    const { writer, reader, room } = await stage();
    for (const n of range(1, 3)) await acked(writer, room, `${n}`);
    const plain = await hub.client(reader, 0);
    await complete(plain);
    expect((await store.cursors.delivered(reader, room)).delivered).toBe(0);
    await plain.onLineNumber();
    await delivered(reader, room, 3);
  });

  it.each(['waited', 'came live'] as const)(
    '[M6] what %s and is still in flight as the line breaks comes again, whatever the client sent',
    async (how) => {
      const { writer, reader, room } = await stage();
      const say = async (): Promise<void> => {
        for (const n of range(1, 3)) await acked(writer, room, `${n}`);
      };
      if (how === 'waited') await say();
      const raw = await RawClient.open(`${hub.gateway(1).url}/ws/chat`, { token: signToken({ sub: reader }) });
      raw.socket.pause();
      if (how === 'came live') await say();
      // It reads nothing, not even pings, and goes on sending.
      for (let turn = 0; turn < 20; turn += 1) {
        raw.send(JSON.stringify({ type: 'message', room, text: `turn ${turn}` }));
        await writer.waitFor('message', (frame) => messageOf(frame).text === `turn ${turn}`);
      }
      raw.socket.destroy();
      const back = await hub.client(reader, 0);
      expect((await complete(back)).map((frame) => messageOf(frame).text)).toEqual(['1', '2', '3']);
    },
  );

  it('[M6] what a client has that answers no pings is not acknowledged', async () => {
    const { writer, reader, room } = await stage();
    await acked(writer, room, '1');
    const deaf = await hub.client(reader, 1, { answerPings: false });
    await complete(deaf);
    await deaf.onLineNumber();
    await deaf.onLineNumber();
    await deaf.close();
    expect((await complete(await hub.client(reader, 0))).map(({ offset }) => offset)).toEqual([1]);
  });

  it('[M6] what was not acknowledged comes again at the next connect, however the line broke', async () => {
    const { writer, reader, room } = await stage();
    for (const n of range(1, 3)) await acked(writer, room, `${n}`);
    for (let turn = 0; turn < 3; turn += 1) {
      const back = await ChatClient.connect(hub.gateway(turn % 2).url, reader);
      expect((await complete(back)).map(({ offset }) => offset)).toEqual([1, 2, 3]);
      back.reset();
    }
  });

  it('[M6] [R5] what is said while offline messages are being sent comes too, once, in order', async () => {
    const { writer, reader, room } = await stage();
    for (const n of range(1, 60)) await acked(writer, room, `${n}`);
    const saying = (async () => {
      for (const n of range(61, 160)) await acked(writer, room, `${n}`);
    })();
    const back = await hub.client(reader, 1);
    await saying;
    await until(() => back.of('offline_message').length + back.of('message').length >= 160, {
      describe: () => `${back.of('offline_message').length} waited, ${back.of('message').length} live`,
    });
    const all = back.frames.filter(({ type }) => type === 'offline_message' || type === 'message');
    expect(all.map(({ offset }) => offset)).toEqual(range(1, 160));
  });

  it.each(['pair', 'group'] as const)(
    '[M6] [M1] of a %s what is shown and not stored yet, below what is, comes from the stream; stored late, it does not come again',
    async (kind) => {
      const { writer, reader, room } = await stage(kind);
      for (const n of range(1, 3)) await acked(writer, room, `${n}`);
      // It stands still between the publication and the insert.
      const slow = await hub.add({ FAIL_POINTS: 'after-publish@2=freeze' });
      const held = await ChatClient.connect(slow.url, writer.user);
      if (kind === 'group') await held.join(room);
      await acked(held, room, '4');
      const late = held.message(room, '5');
      late.catch(() => undefined);
      const published = async (): Promise<boolean> => (await hub.backend.command('XLEN', streamOf(room))) === 5;
      await until(published, { describe: 'the fifth message is in the stream' });
      for (const n of range(6, 7)) await acked(writer, room, `${n}`);
      const stored = async (): Promise<number[]> => (await store.messages.after(room, 0, 10)).map(({ offset }) => offset);
      expect(await stored()).toEqual([1, 2, 3, 4, 6, 7]);

      const back = await hub.client(reader, 1);
      expect((await complete(back)).map((frame) => messageOf(frame).text)).toEqual(range(1, 7).map(String));
      back.send({ type: 'delivered', room, offset: 7 });
      await delivered(reader, room, 7);

      slow.thaw();
      expect((await late).message).toMatchObject({ offset: 5 });
      expect(await stored()).toEqual(range(1, 7));
      await acked(writer, room, '8');
      if (kind === 'pair') await back.waitFor('message', (frame) => frame.offset === 8);
      expect(back.of('message').map(({ offset }) => offset)).toEqual(kind === 'pair' ? [8] : []);
      await held.close();
      await slow.kill9();
    },
  );

  it('[M6] 50,000 waiting messages go out with flow control: a reader that stands still costs the gateway little', async () => {
    const { reader, room } = await stage();
    await hub.database.query(
      `INSERT INTO messages (room, "offset", epoch, id, sender, text, data, at)
       SELECT $1, n, 'e', lpad(n::text, 22, '0'), '{"id":"a","name":"A"}', '"' || repeat('x', 180) || '"', NULL, $2::bigint FROM generate_series(1, 50000) AS n`,
      [room, Date.now()],
    );
    await hub.database.query('INSERT INTO room_tops (room, top, at) VALUES ($1, 50000, $2)', [room, Date.now()]);
    const memory = async (): Promise<number> => {
      const text = await (await fetch(`${hub.gateway(1).adminUrl}/metrics`)).text();
      return Number(/^process_resident_memory_bytes (\d+)/m.exec(text)?.[1]);
    };
    const before = await memory();
    const offsets: number[] = [];
    let count: number | undefined;
    const raw = await RawClient.open(`${hub.gateway(1).url}/ws/chat`, {
      token: signToken({ sub: reader }),
      onText: (text) => {
        const frame: ServerFrame = JSON.parse(text);
        if (frame.type === 'offline_message') offsets.push(frame.offset ?? 0);
        if (frame.type === 'offline_messages_complete') count = frame.count;
      },
    });
    raw.socket.pause();
    // The gateway has done far more turns than it needs to read all of them, if it did.
    const other = await hub.client(hub.name('other'), 1);
    for (let turn = 0; turn < 300; turn += 1) await other.onLineNumber();
    const standing = await memory();
    expect(standing - before).toBeLessThan(60 * 1024 * 1024);
    raw.socket.resume();
    await until(() => count !== undefined, { timeoutMs: 60_000, describe: () => `${offsets.length} came` });
    expect(count).toBe(50_000);
    expect(offsets).toEqual(range(1, 50_000));
    expect((await memory()) - before).toBeLessThan(80 * 1024 * 1024);
    raw.socket.destroy();
  });
});
