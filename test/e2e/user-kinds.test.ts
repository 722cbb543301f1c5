import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '#libs/store/store.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import type { ChatClient } from '#test/support/chat-client.ts';
import { signToken } from '#test/support/jwt.ts';
import { RawClient, RefusedError } from '#test/support/raw-client.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { TestHub } from '#test/support/test-hub.ts';

let hub: TestHub<RedisServer>;
let store: Store;
TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.single({ gateways: 1, env: { OPEN_ROOMS: 'on' } });
  store = await openStore({ url: hub.database.url });
});
afterEach(() => hub.clear());
afterAll(async () => {
  await store?.close();
  await hub?.stop();
});

async function here(user: string, kind: string): Promise<ChatClient> {
  const client = await hub.client(user, 0, { claims: { kind, rooms: ['*'] } });
  await client.waitFor('offline_messages_complete');
  return client;
}

async function made(kind: 'group' | 'pair' | 'dm' | 'conv', ...members: string[]): Promise<string> {
  const room = `${kind}:${createHash('sha256').update(hub.name('room')).digest('base64url').slice(0, 22)}`;
  await store.rooms.create(
    { room, kind, title: '', owner: members[0] ?? '', keepHistory: true, createdAt: Date.now(), expiresAt: undefined },
    members.map((id) => ({ id, name: id })),
  );
  return room;
}

const forbidden = { code: 'FORBIDDEN' };

describe('what a kind of user may do, over the WebSocket', () => {
  it('[R6] a customer enters, reads, sees and writes to nothing but their conversations, whatever their token claims', async () => {
    const [zoe, ann, max] = [hub.name('zoe'), hub.name('ann'), hub.name('max')];
    const [customer, user] = await Promise.all([here(zoe, 'customer'), here(ann, 'user')]);
    await user.join('park');
    await user.message('park', 'for users');
    const rooms = ['park', 'lobby', 'live:score', await made('group', ann, zoe), await made('pair', ann, zoe), await made('dm', ann, zoe)];
    for (const room of rooms) {
      for (const type of ['join', 'history', 'presence'])
        await expect(customer.request({ type, room }), `${type} ${room}`).rejects.toMatchObject(forbidden);
      await expect(customer.message(room, 'hi'), room).rejects.toMatchObject({ code: expect.stringMatching(/FORBIDDEN|NOT_JOINED/) });
    }
    for (const to of [ann, zoe, 'nobody'])
      await expect(customer.request({ type: 'message', to, text: 'hi' }), to).rejects.toMatchObject(forbidden);
    await expect(customer.request({ type: 'query', query: 'onLineNumber' })).rejects.toMatchObject(forbidden);
    const typed = customer.mark();
    customer.send({ type: 'typing', id: 't', room: rooms.at(-1) });
    await customer.waitFor('error', (frame) => frame.id === 't' && frame.code === 'FORBIDDEN', { from: typed });

    const conversation = await made('conv', zoe, max);
    await customer.join(conversation);
    await customer.message(conversation, 'a parcel');
    expect((await customer.history(conversation)).messages).toHaveLength(1);
    expect((await customer.presence(conversation)).count).toBe(1);
  });

  it('[R6] [H1] a customer does not come in by the path of a room either', async () => {
    const zoe = hub.name('zoe');
    for (const room of ['park', 'lobby', await made('group', zoe)]) {
      const token = signToken({ sub: zoe, kind: 'customer', rooms: ['*'] });
      const refused = await RawClient.open(`${hub.gateway(0).url}/chat/${room}`, { token }).catch((error: unknown) => error);
      expect(refused, room).toBeInstanceOf(RefusedError);
      expect((refused as RefusedError).response.status).toBe(403);
    }
  });

  it('[R6] nobody writes to a customer by `to`; what is said in a direct room of before is not delivered to them', async () => {
    const [zoe, ann] = [hub.name('zoe'), hub.name('ann')];
    const [before, user] = await Promise.all([here(zoe, 'user'), here(ann, 'user')]);
    const { room } = await user.request({ type: 'message', to: zoe, text: 'as users' });
    await before.waitFor('message');
    await before.close();
    const customer = await here(zoe, 'customer');
    await user.message(String(room), 'written to the room');
    const conversation = await made('conv', zoe, ann);
    await user.message(conversation, 'about the parcel');
    await customer.waitFor('message', (frame) => frame.room === conversation);
    expect([...customer.of('message'), ...customer.of('offline_message')].map((frame) => frame.room)).toEqual([conversation]);
    const other = await here(hub.name('bob'), 'user');
    await expect(other.request({ type: 'message', to: zoe, text: 'hi' })).rejects.toMatchObject(forbidden);
  });

  it('[R6] one login as a customer does not use what another one of the same user may do', async () => {
    const zoe = hub.name('zoe');
    const group = await made('group', zoe);
    const [user, customer] = await Promise.all([here(zoe, 'user'), here(zoe, 'customer')]);
    await user.join(group);
    await user.message(group, 'hi');
    await expect(customer.join(group)).rejects.toMatchObject(forbidden);
    await expect(customer.history(group)).rejects.toMatchObject(forbidden);
  });
});
