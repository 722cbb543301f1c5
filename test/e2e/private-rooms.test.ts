import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RedisKeys } from '#libs/redis/keys.ts';
import type { Store } from '#libs/store/store.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { acked } from '#test/support/acked.ts';
import type { ChatClient } from '#test/support/chat-client.ts';
import { signToken } from '#test/support/jwt.ts';
import { RawClient, RefusedError } from '#test/support/raw-client.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { messageOf } from '#test/support/server-frame.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';

let hub: TestHub<RedisServer>;
let store: Store;
TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.single({ gateways: 2 });
  store = await openStore({ url: hub.database.url });
});
afterEach(() => hub.clear());
afterAll(async () => {
  await store?.close();
  await hub?.stop();
});

function directRoom(one: string, other: string): string {
  const text = [one, other].sort().join('\0');
  return `dm:${createHash('sha256').update(text).digest('base64url').slice(0, 22)}`;
}

/** Connects, and waits until what was said from now on comes as it is said. */
async function here(user: string, gateway: number): Promise<ChatClient> {
  const client = await hub.client(user, gateway);
  await client.waitFor('offline_messages_complete');
  return client;
}

/** Users known to the hub: they were here once. */
async function users(...prefixes: string[]): Promise<string[]> {
  const names = prefixes.map((prefix) => hub.name(prefix));
  for (const name of names) store.seen.touch({ user: name, name, kind: 'user', lastSeen: Date.now() });
  await until(async () => (await store.seen.get(names)).length === names.length);
  return names;
}

async function room(kind: 'group' | 'pair', members: readonly string[], keepHistory = true): Promise<string> {
  const name = `${kind}:${createHash('sha256').update(hub.name('room')).digest('base64url').slice(0, 22)}`;
  await store.rooms.create(
    { room: name, kind, title: '', owner: members[0] ?? '', keepHistory, createdAt: Date.now(), expiresAt: undefined },
    members.map((id) => ({ id, name: id })),
  );
  return name;
}

/** Texts of a room's messages in the order they came, live ones and those that waited. */
function texts(client: ChatClient, inRoom: string, type = 'message'): (string | undefined)[] {
  return client
    .of(type)
    .filter((frame) => frame.room === inRoom)
    .map((frame) => messageOf(frame).text);
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('H4 a room that is over', () => {
  it('[H4] [H5] [C 4503] is open to nobody, its members neither', async () => {
    const [ada = '', bob = ''] = await users('ada', 'bob');
    const over = await room('pair', [ada, bob]);
    await store.rooms.close(over, 'closed', Date.now());
    const path = `${hub.gateway(0).url}/chat/${over}`;
    const refused = await RawClient.open(path, { token: signToken({ sub: ada }) }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RefusedError);
    expect(refused).toMatchObject({ response: { status: 403 } });
    const told = await RawClient.open(path, { token: signToken({ sub: ada }), protocols: ['parley.v1', 'parley.v1+close'] });
    expect(await told.closed).toMatchObject({ code: 4503, reason: 'FORBIDDEN' });
  });
});

describe('R5 private rooms', () => {
  it('[R5] [R2] a direct message reaches every session of both, on every node, without join', async () => {
    const [ada = '', bob = ''] = await users('ada', 'bob');
    const sessions = [await here(ada, 0), await here(ada, 1), await here(bob, 0), await here(bob, 1)];
    const ack = await sessions[0]?.request({ type: 'message', to: bob, text: 'psst', id: 'one' });
    expect(ack).toMatchObject({ type: 'ack', room: directRoom(ada, bob), message: { offset: 1 } });
    for (const session of sessions) {
      const frame = await session.waitFor('message');
      expect(frame).toMatchObject({ room: directRoom(ada, bob), offset: 1, message: { from: { id: ada, name: ada }, text: 'psst' } });
    }
    const answer = await sessions[3]?.message(directRoom(ada, bob), 'yes?');
    expect(answer).toMatchObject({ message: { offset: 2 } });
    for (const session of sessions) await session.waitFor('message', (frame) => frame.offset === 2);
    for (const session of sessions) expect(texts(session, directRoom(ada, bob))).toEqual(['psst', 'yes?']);
  });

  it('[R2] nobody else reads, writes or enters, and nobody is told whether the room is there', async () => {
    const [ada = '', bob = '', eve = ''] = await users('ada', 'bob', 'eve');
    const [writer, spy] = [await here(ada, 0), await here(eve, 1)];
    await writer.request({ type: 'message', to: bob, text: 'secret' });
    for (const name of [directRoom(ada, bob), directRoom(bob, eve)]) {
      for (const frame of [{ type: 'join' }, { type: 'history' }, { type: 'presence' }, { type: 'message', text: 'hm' }]) {
        await expect(spy.request({ ...frame, room: name })).rejects.toMatchObject({ code: 'FORBIDDEN' });
      }
    }
    await expect(writer.request({ type: 'message', to: 'nobody-at-all', text: 'hm' })).rejects.toMatchObject({ code: 'USER_NOT_FOUND' });
    expect(spy.of('message')).toEqual([]);
  });

  it('[R5] [M4] what both say at once on two nodes comes to every session in one order, each once', async () => {
    const [ada = '', bob = ''] = await users('ada', 'bob');
    const name = directRoom(ada, bob);
    const sessions = [await here(ada, 0), await here(ada, 1), await here(bob, 0), await here(bob, 1)];
    await Promise.all(
      sessions.flatMap((session, who) =>
        range(1, 40).map((n) =>
          session.request({ type: 'message', to: who < 2 ? bob : ada, text: `${who < 2 ? ada : bob}: ${n}`, id: `m${n}` }),
        ),
      ),
    );
    for (const session of sessions) await session.waitFor('message', (frame) => frame.offset === 160 - 80);
    // The two sessions of a user say the same under the same ids: one message each (M2).
    const first = texts(sessions[0] as ChatClient, name);
    expect(first).toHaveLength(80);
    for (const session of sessions) {
      expect(session.of('message').map(({ offset }) => offset)).toEqual(range(1, 80));
      expect(texts(session, name)).toEqual(first);
    }
  });

  it('[R5] [M4] signals that are lost with a connection to Redis are made good, in order', async () => {
    const [ada = '', bob = ''] = await users('ada', 'bob');
    const name = directRoom(ada, bob);
    const [writer, reader] = [await here(ada, 0), await here(bob, 1)];
    for (const n of range(1, 30)) {
      await writer.request({ type: 'message', to: bob, text: `${n}` });
      if (n % 10 === 0) await hub.backend.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    }
    await reader.waitFor('message', (frame) => frame.offset === 30, { timeoutMs: 30_000 });
    expect(texts(reader, name)).toEqual(range(1, 30).map(String));
  });

  it('[R5] [R3] a pair that keeps no history reaches both all the same', async () => {
    const [ada = '', bob = ''] = await users('ada', 'bob');
    const pair = await room('pair', [ada, bob], false);
    const [writer, reader] = [await here(ada, 0), await here(bob, 1)];
    for (const n of range(1, 5)) await acked(writer, pair, `${n}`);
    await reader.waitFor('message', (frame) => frame.offset === 5);
    expect(texts(reader, pair)).toEqual(range(1, 5).map(String));
    const { rows } = { rows: await hub.database.query('SELECT 1 FROM messages WHERE room = $1', [pair]) };
    expect(rows).toEqual([]);
  });

  it.each([
    ['flushed', () => hub.backend.command('FLUSHALL')],
    ['restarted empty', () => hub.backend.restartEmpty()],
  ])('[R5] [M4] of a pair that keeps no history nothing is lost unsaid where Redis is %s', async (_, lose) => {
    const [ada = '', bob = ''] = await users('ada', 'bob');
    const pair = await room('pair', [ada, bob], false);
    const both = [await here(ada, 0), await here(bob, 1)];
    const say = async (text: string): Promise<void> => void (await acked(both[text.length % 2] as ChatClient, pair, text));
    for (const n of range(1, 6)) await say(`${n}`);
    for (const one of both) await one.waitFor('message', (frame) => frame.offset === 6);
    await lose();
    // Fewer than before, and more: the new offsets pass the old ones.
    const after = range(11, 19).map((n) => 'x'.repeat(n));
    for (const text of after) await say(text);
    for (const one of both) {
      const shown = (): (string | undefined)[] => [
        ...texts(one, pair),
        ...one
          .of('resync')
          .flatMap((frame) => (frame.messages as readonly { message: { text: string } }[]).map(({ message }) => message.text)),
      ];
      await until(() => after.every((text) => shown().includes(text)));
      expect(one.of('resync').filter((frame) => frame.room === pair)).toHaveLength(1);
      expect(new Set(texts(one, pair)).size, 'each once').toBe(texts(one, pair).length);
    }
  });

  it('[R5] who joins such a room gets its messages once', async () => {
    const [ada = '', bob = ''] = await users('ada', 'bob');
    const pair = await room('pair', [ada, bob]);
    const [writer, reader] = [await here(ada, 0), await here(bob, 1)];
    await acked(writer, pair, '1');
    await reader.waitFor('message', (frame) => frame.offset === 1);
    const joined = await reader.join(pair);
    expect(joined).toMatchObject({ offset: 1 });
    for (const n of range(2, 6)) await acked(writer, pair, `${n}`);
    await reader.waitFor('message', (frame) => frame.offset === 6);
    await reader.leave(pair);
    await acked(writer, pair, '7');
    await reader.waitFor('message', (frame) => frame.offset === 7);
    expect(texts(reader, pair)).toEqual(range(1, 7).map(String));
  });

  it('[R5] typing is told to the other member without join', async () => {
    const [ada = '', bob = ''] = await users('ada', 'bob');
    const pair = await room('pair', [ada, bob]);
    const [writer, reader] = [await here(ada, 0), await here(bob, 1)];
    writer.typing(pair);
    expect(await reader.waitFor('typing')).toMatchObject({ room: pair, user: { id: ada } });
    expect(writer.of('typing')).toEqual([]);
  });
});

describe('R2 groups', () => {
  it('[R2] [R3] only members enter; who is taken out is out at once', async () => {
    const [ada = '', bob = '', eve = ''] = await users('ada', 'bob', 'eve');
    const group = await room('group', [ada, bob]);
    const [first, second, other] = [await here(ada, 0), await here(bob, 1), await here(eve, 0)];
    await expect(other.join(group)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await first.join(group);
    await second.join(group);
    await first.message(group, 'hello');
    await second.waitFor('message', (frame) => frame.room === group);
    expect(await second.history(group)).toMatchObject({ messages: [{ offset: 1, message: { text: 'hello' } }], more: false });
    await store.rooms.removeMembers(group, [bob]);
    await hub.backend.command('PUBLISH', `parley:{p0}:u:${bob}`, `~x${group}`);
    await until(async () => (await first.presence(group)).count === 1);
    expect(await second.waitFor('left')).toEqual({ type: 'left', room: group });
    expect(first.of('left')).toEqual([]);
    await expect(second.message(group, 'still there?')).rejects.toMatchObject({ code: 'NOT_JOINED' });
    await expect(second.join(group)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});

describe('nodes of two releases', () => {
  /** A later release's: a kind and a version that are not known, and one whose fields are not. */
  const LATER = ['~qwhatever', '~2h{"offset":1,"room":"dm:x","type":"message"}', '~p', '!'];

  it('live beside each other: a signal that is not known is counted, logged once and ignored', async () => {
    const [ada = '', bob = ''] = await users('ada', 'bob');
    const [pair, keys] = [await room('pair', [ada, bob]), new RedisKeys('parley', false)];
    const [writer, reader] = [await here(ada, 0), await here(bob, 1)];
    await reader.join('park');
    const unknown = (): Promise<number> => hub.gateway(1).metric('parley_unknown_signals_total');
    expect(await unknown()).toBe(0);
    for (const signal of LATER) {
      await hub.backend.command('PUBLISH', keys.userChannel(bob), signal);
      await hub.backend.command('PUBLISH', keys.roomChannel('park'), signal);
    }
    await acked(writer, pair, 'still here');
    expect(await reader.waitFor('message', (frame) => frame.room === pair)).toMatchObject({ offset: 1 });
    await until(async () => (await unknown()) === 2 * LATER.length);
    const lines = hub
      .gateway(1)
      .output.split('\n')
      .filter((line) => line.includes('a signal of another release is ignored'));
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ level: 'warn', topic: 'user', version: 1, letter: 'q', ignored: 1 }]);
    expect(await hub.gateway(1).metric('parley_background_faults_total', 'task="signals"')).toBe(0);
    expect(reader.of('message').map((frame) => frame.room)).toEqual([pair]);
  });
});
