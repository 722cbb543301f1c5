import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ApiProcess } from '#test/support/api-process.ts';
import type { ChatClient } from '#test/support/chat-client.ts';
import { signToken } from '#test/support/jwt.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { messageOf, type ServerFrame } from '#test/support/server-frame.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';

const KEY = 'a-service-key-of-tests-only-0123456789';

let hub: TestHub<RedisServer>;
let api: ApiProcess;
TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.single({ gateways: 2, env: { OPEN_ROOMS: 'on', API_KEYS: `shop:${KEY}` } });
  api = await ApiProcess.start({ ...hub.settings, ALLOW_GUESTS: 'on', ALLOW_CUSTOMERS: 'on' });
});
afterEach(() => hub.clear());
afterAll(async () => {
  await api?.kill9();
  await hub?.stop();
});

interface Someone {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
}

/** Somebody whose name says something else than the hub does. */
function someone(kind: string, name = `Agent (${kind})`): Someone {
  return { id: hub.name(kind), name, kind };
}

async function here({ id, name, kind }: Someone, gateway = 0): Promise<ChatClient> {
  const client = await hub.client(id, gateway, { claims: { name, kind, rooms: ['*'] } });
  await client.waitFor('offline_messages_complete');
  // The gateways write down in groups who came: until then the lists of the API do not know them.
  await until(async () => (await hub.database.query('SELECT 1 FROM seen WHERE user_id = $1 AND kind = $2', [id, kind])).length === 1);
  return client;
}

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: whatever an answer's body is, the tests say what it has to be
  readonly body: any;
}

async function call(method: string, path: string, who: Someone | 'shop', body?: object): Promise<Answer> {
  const token = who === 'shop' ? KEY : signToken({ sub: who.id, name: who.name, kind: who.kind, rooms: ['*'] });
  const response = await fetch(`${api.url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  expect(response.ok, `${method} ${path}: ${response.status} ${text}`).toBe(true);
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}

const senders = (frame: ServerFrame): unknown[] => (frame.messages ?? []).map(({ message }) => message.from);

describe('who somebody is', () => {
  it.each([
    ['park', true],
    ['a stream', false],
    ['live', undefined],
  ])('[F8] stands in what they say: live on every node, in pages, over HTTP (%s)', async (what, stored) => {
    const room = what === 'park' ? 'park' : what === 'live' ? `live:${hub.name('r')}` : hub.name('r');
    const people = ['user', 'guest', 'agent', 'service', 'moderator'].map((kind) => someone(kind));
    const ear = await here(someone('user'), 1);
    await ear.join(room);
    for (const [index, who] of people.entries()) {
      const client = await here(who, index % 2);
      await client.join(room);
      const text = `${who.id} speaks`;
      await client.message(room, text);
      for (const one of [ear, client]) {
        const heard = await one.waitFor('message', (frame) => (frame.message as { text: string }).text === text);
        expect(heard.message).toMatchObject({ from: who });
      }
    }
    if (stored === undefined) return;
    const late = await here(someone('user'), 0);
    expect(senders(await late.join(room)).slice(-people.length)).toEqual(people);
    expect(senders(await ear.history(room, { limit: people.length }))).toEqual(people);
    const page = await call('GET', `/rooms/${room}/messages?limit=${people.length}`, someone('user'));
    expect(senders(page.body)).toEqual(people);
    if (!stored) return;
    const rows = await hub.database.query(`SELECT sender FROM messages WHERE room = 'park' ORDER BY "offset" DESC LIMIT 5`);
    expect(rows.map(({ sender }) => sender)).toEqual(people.map((who) => JSON.stringify(who)).reverse());
  });

  it('[F8] is not made up for what was stored before it was kept', async () => {
    const ann = someone('user');
    const client = await here(ann);
    await client.join('park');
    const { message } = await client.message('park', 'new');
    const at = Date.now();
    const { offset } = message as { offset: number };
    await hub.database.query(
      `INSERT INTO messages (room, "offset", epoch, id, sender, text, at) VALUES ('park', $1, 'e', $2, $3, '"old"', $4)`,
      [offset + 1, hub.name('m'), JSON.stringify({ id: ann.id, name: 'Ann' }), at],
    );
    expect(senders(await client.history('park', { limit: 2 }))).toEqual([ann, { id: ann.id, name: 'Ann' }]);
  });

  it('[F8] is told of who is in a room, who comes and goes, and who types', async () => {
    const room = hub.name('r');
    const [ann, bob, max] = [someone('user', 'A'), someone('guest', 'B'), someone('agent', 'C')];
    const ear = await here(ann, 1);
    await ear.join(room);
    const other = await here(bob, 0);
    await other.join(room);
    expect((await ear.waitFor('member', ({ action, user }) => action === 'joined' && user?.id === bob.id)).user).toEqual(bob);
    const third = await here(max, 1);
    await third.join(room);
    for (const client of [ear, other, third]) expect((await client.presence(room)).users).toEqual([ann, bob, max]);
    other.typing(room);
    expect((await ear.waitFor('typing')).user).toEqual(bob);
    await other.close();
    expect((await ear.waitFor('member', ({ action }) => action === 'left')).user).toEqual(bob);
  });

  it('[F8] [M6] waits with the message for who is away', async () => {
    const [max, zoe] = [someone('agent'), someone('guest')];
    await (await here(zoe)).close();
    const writer = await here(max, 1);
    await writer.request({ type: 'message', to: zoe.id, text: 'psst' });
    const client = await hub.client(zoe.id, 0, { claims: { name: zoe.name, kind: zoe.kind } });
    expect((await client.waitFor('offline_message')).message).toMatchObject({ from: max, text: 'psst' });
    // One's own words are known by the beginning of the sender, whatever follows it.
    await writer.close();
    const back = await hub.client(max.id, 1, { claims: { name: max.name, kind: max.kind } });
    expect((await back.waitFor('offline_messages_complete')).count).toBe(0);
    const { body } = await call('GET', '/rooms', max);
    expect(body.rooms.filter(({ kind }: { kind: string }) => kind === 'dm')).toMatchObject([{ with: zoe, unread: 0 }]);
  });

  it('[F8] [A9] is told of a partner', async () => {
    const [ann, bob] = [someone('user'), someone('guest')];
    const [one, other] = await Promise.all([here(ann, 0), here(bob, 1)]);
    await call('POST', '/rooms/match', ann);
    expect(await call('POST', '/rooms/match', bob)).toMatchObject({ status: 200, body: { with: ann } });
    const matched = await one.waitFor('matched');
    expect(matched.with).toEqual(bob);
    expect((await other.waitFor('matched')).with).toEqual(ann);
    expect((await call('POST', '/rooms/match', ann)).body.with).toEqual(bob);
    const room = String(matched.room);
    other.typing(room);
    expect((await one.waitFor('typing')).user).toEqual(bob);
    await other.message(room, 'hello');
    expect((await one.waitFor('message')).message).toMatchObject({ from: bob });
    const { body } = await call('GET', '/rooms', ann);
    expect(body.rooms.find((entry: { room: string }) => entry.room === room).with).toEqual(bob);
    expect((await call('GET', `/rooms/${room}`, bob)).body.people).toEqual(expect.arrayContaining([ann, bob]));
    await call('DELETE', `/rooms/${room}`, ann);
  });

  it('[F8] [A8] is in the list of the members of a group, from the first answer on', async () => {
    const people = ['user', 'guest', 'agent', 'service'].map((kind) => someone(kind)) as [Someone, Someone, Someone, Someone];
    const [ann, bob, max, bot] = people;
    await Promise.all(people.map((who, index) => here(who, index % 2)));
    const { body } = await call('POST', '/rooms', ann, { name: 'Walkers', kind: 'group', members: [bob.id, max.id] });
    expect(body.people).toEqual([ann, bob, max]);
    const path = `/rooms/${body.room}`;
    expect((await call('POST', `${path}/members`, ann, { members: [bot.id] })).body.people).toEqual(people);
    expect((await call('GET', path, bob)).body.people).toEqual(people);
    expect((await call('PATCH', path, ann, { name: 'Talkers' })).body.people).toEqual(people);
    expect((await call('DELETE', `${path}/members`, ann, { members: [bob.id] })).body.people).toEqual([ann, max, bot]);
  });

  it('[F8] [A7] is known of a guest who never had a connection', async () => {
    const { user, token } = (await (await api.post('/guests', { name: 'Gus' })).json()) as { user: Someone; token: string };
    const headers = { authorization: `Bearer ${token}` };
    const made = await api.post('/rooms', { name: 'Alone', kind: 'group' }, headers);
    const { room } = (await made.json()) as { room: string };
    const read = (await (await api.get(`/api/v1/rooms/${room}`, headers)).json()) as { people: Someone[] };
    expect(read.people).toEqual([{ id: user.id, name: 'Gus', kind: 'guest' }]);
  });

  it('[F8] [A10] of a conversation is known at both ends', async () => {
    const [zoe, max] = [someone('customer'), someone('agent')];
    const [customer, agent] = await Promise.all([here(zoe, 0), here(max, 1)]);
    const { room } = (await call('POST', '/conversations', zoe)).body;
    await call('POST', `/conversations/${room}/assign`, max);
    const told = await customer.waitFor('command', ({ code }) => code === 'conversation');
    expect(told.body).toMatchObject({ customer: zoe, agent: max });
    const answers = await Promise.all([
      call('GET', `/conversations/${room}`, zoe),
      call('GET', `/conversations/${room}`, max),
      call('POST', `/conversations/${room}/assign`, max),
    ]);
    for (const { body } of answers) expect(body).toMatchObject({ customer: zoe, agent: max });
    expect((await call('GET', `/conversations?agent=${max.id}`, max)).body.conversations).toMatchObject([{ customer: zoe, agent: max }]);
    expect((await call('GET', '/agents', max)).body.agents).toContainEqual(max);
    expect((await call('GET', '/rooms', zoe)).body.rooms).toMatchObject([{ room, with: max }]);
    await customer.message(room, 'a parcel');
    expect((await agent.waitFor('message')).message).toMatchObject({ from: zoe });
    agent.typing(room);
    expect((await customer.waitFor('typing')).user).toEqual(max);
    await agent.message(room, 'which one?');
    expect((await customer.waitFor('message', (frame) => frame.offset === 2)).message).toMatchObject({ from: max });
    expect(senders((await call('GET', `/rooms/${room}/messages`, zoe)).body)).toEqual([zoe, max]);
  });

  it('[F8] is that of the token by which they speak, where one user has several', async () => {
    const room = hub.name('r');
    const id = hub.name('both');
    const [plain, official] = [
      { id, name: 'Max', kind: 'user' },
      { id, name: 'Max', kind: 'agent' },
    ];
    const [one, other] = [await here(plain), await here(official)];
    await one.join(room);
    expect((await one.presence(room)).users).toEqual([plain]);
    await other.join(room);
    for (const [client, who] of [
      [one, plain],
      [other, official],
      [one, plain],
    ] as const) {
      const from = one.mark();
      await client.message(room, 'hi', { id: hub.name('id') });
      expect((await one.waitFor('message', undefined, { from })).message).toMatchObject({ from: who });
    }
    await one.refresh(signToken({ sub: id, name: 'Max', kind: 'guest', rooms: ['*'] }));
    await one.message(room, 'as a guest', { id: hub.name('id') });
    const heard = await other.waitFor('message', (frame) => messageOf(frame).text === 'as a guest');
    expect(heard.message).toMatchObject({ from: { id, name: 'Max', kind: 'guest' } });
  });

  it('[A11] of a service is `service` in its own name, and where it makes somebody up; a user it speaks for is who they are', async () => {
    const room = hub.name('r');
    const max = someone('agent');
    const gus = (await (await api.post('/guests', { name: 'Gus too' })).json()) as { user: Someone };
    const zoe = (await (await api.post('/customers', { name: 'Zoe', channel: 'shop' })).json()) as { user: Someone };
    const ear = await here(max, 1);
    await ear.join(room);
    const made = { id: hub.name('nobody'), name: 'Agent (Bob)' };
    const said: [object, object][] = [
      [{}, { id: 'service:shop', name: 'shop', kind: 'service' }],
      [{ as: made }, { ...made, kind: 'service' }],
      [{ as: { id: max.id, name: 'Max' } }, { id: max.id, name: 'Max', kind: 'agent' }],
      [{ as: { id: gus.user.id, name: 'Gus' } }, { id: gus.user.id, name: 'Gus', kind: 'guest' }],
      [{ as: { id: zoe.user.id, name: 'Zoe' } }, { id: zoe.user.id, name: 'Zoe', kind: 'customer' }],
    ];
    for (const [as, from] of said) {
      const mark = ear.mark();
      await call('POST', '/publish', 'shop', { room, text: 'sale', ...as });
      expect((await ear.waitFor('message', undefined, { from: mark })).message).toMatchObject({ from });
    }
    const { body } = await call('POST', '/batch', 'shop', {
      commands: said.map(([as]) => ({ command: 'publish', room, text: 'in a batch', ...as })),
    });
    expect(body.results).toHaveLength(said.length);
    const page = await ear.history(room, { limit: said.length });
    for (const [, from] of said) expect(senders(page)).toContainEqual(from);
  });
});
