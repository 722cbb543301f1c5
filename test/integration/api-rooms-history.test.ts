import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { messageTail } from '#libs/protocol/server-frame.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { bearer, RoomStage } from '#test/support/room-stage.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.stop());

const ann = bearer('ann');
const bob = bearer('bob');
const dan = bearer('dan');

const ANN = '{"id":"ann","name":"Ann \\"the\\" one"}';

/** Stores messages 1 to `count` of a room. */
async function fill(stage: RoomStage, room: string, count: number, sender = ANN): Promise<void> {
  for (let offset = 1; offset <= count; offset++) {
    const at = 1_700_000_000_000 + offset;
    await stage.store.messages.append({
      room,
      offset,
      epoch: 'e',
      id: `m${String(offset).padStart(21, '0')}`,
      sender,
      text: `say "${offset}" \u2028`,
      data: offset % 2 === 0 ? '{"n":[1,null]}' : undefined,
      at,
    });
  }
}

describe('what was said', () => {
  it('[A8] and is unread is counted alike in the list and of one room, also where offsets jump and what is old was dropped', async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api();
    await stage.arrive(ann);
    const { room } = (await api.call('POST', '/rooms', ann, { name: 'x', kind: 'group', keepHistory: true })).body;
    await fill(stage, room, 9, '{"id":"zed","name":"Zed"}');
    await stage.database.query('DELETE FROM messages WHERE room = $1 AND "offset" IN (1, 2, 3, 7)', [room]);
    await stage.store.cursors.advance('ann', room, 4);
    const listed = (await api.call('GET', '/rooms', ann)).body.rooms[1];
    expect(listed).toMatchObject({ room, offset: 9, unread: 4, delivered: 4 });
    // The park has no cursor, and neither has a group without history.
    const { room: short } = (await api.call('POST', '/rooms', ann, { name: 'y', kind: 'group', keepHistory: false })).body;
    const cursors = (await api.call('GET', '/rooms', ann)).body.rooms as readonly { readonly room: string; readonly delivered?: number }[];
    expect(new Map(cursors.map((known) => [known.room, known.delivered]))).toEqual(
      new Map([
        ['park', undefined],
        [room, 4],
        [short, undefined],
      ]),
    );
    const { people, ...one } = (await api.call('GET', `/rooms/${room}`, ann)).body;
    expect(one).toEqual(listed);
    expect(people).toHaveLength(1);
  });

  it('[A8] is read in pages, oldest first, like the frame `history`', async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api();
    await fill(stage, 'park', 7);
    const last = await api.call('GET', '/rooms/park/messages?limit=3', dan);
    expect(last.status).toBe(200);
    expect(last.body.messages.map(({ offset }: { offset: number }) => offset)).toEqual([5, 6, 7]);
    expect(last.body.more).toBe(true);
    expect(last.body.messages[1]).toEqual({
      offset: 6,
      message: {
        id: 'm000000000000000000006',
        from: { id: 'ann', name: 'Ann "the" one' },
        text: 'say "6" \u2028',
        data: { n: [1, null] },
        at: 1_700_000_000_006,
      },
    });
    const first = await api.call('GET', '/rooms/park/messages?before=5', dan);
    expect(first.body.messages.map(({ offset }: { offset: number }) => offset)).toEqual([1, 2, 3, 4]);
    expect(first.body.more).toBe(false);
    for (const query of ['limit=0', 'limit=101', 'limit=x', 'before=-1', 'before=1.5', 'after=3']) {
      expect((await api.call('GET', `/rooms/park/messages?${query}`, dan)).status, query).toBe(400);
    }
    expect((await api.call('GET', '/rooms/park/messages', undefined)).status).toBe(401);
  });

  it('[A8] in a group is for its members, from the day they came', async () => {
    const stage = await RoomStage.start(redis.url);
    await stage.arrive(ann, bob, dan);
    const api = await stage.api();
    const { room } = (await api.call('POST', '/rooms', ann, { name: 'Tea', kind: 'group', members: ['bob'], keepHistory: true })).body;
    await fill(stage, room, 4);
    expect((await api.call('GET', `/rooms/${room}/messages`, bob)).body.messages).toHaveLength(4);
    expect((await api.call('GET', `/rooms/${room}/messages`, dan)).status).toBe(403);
    await stage.store.cursors.advance('bob', room, 3);
    const unread = async (who: typeof ann) => (await api.call('GET', '/rooms', who)).body.rooms[1].unread;
    expect(await unread(bob)).toBe(1);
    // What one said oneself.
    expect(await unread(ann)).toBe(0);
    expect((await api.call('GET', `/rooms/${room}`, bob)).body).toMatchObject({ unread: 1, offset: 4 });
    await api.call('POST', `/rooms/${room}/members`, ann, { members: ['dan'] });
    expect(await unread(dan)).toBe(0);
    await api.call('DELETE', `/rooms/${room}/members`, ann, { members: ['dan'] });
    expect((await api.call('GET', `/rooms/${room}/messages`, dan)).status).toBe(403);
  });

  it('[A8] of a room without history comes from its stream, to those the token lets in', async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api();
    const closed = await stage.api({ openRooms: false });
    const at = 1_700_000_000_000;
    for (let n = 1; n <= 3; n++) {
      const tail = messageTail('den', `m${n}`, '{"id":"ann","name":"Ann"}', `text ${n}`, n === 3 ? '{"x":1}' : undefined, at + n);
      await stage.publish('den', tail, at + n);
    }
    const page = await api.call('GET', '/rooms/den/messages?limit=2', dan);
    expect(page.body).toEqual({
      messages: [
        { offset: 2, message: { id: 'm2', from: { id: 'ann', name: 'Ann' }, text: 'text 2', at: at + 2 } },
        { offset: 3, message: { id: 'm3', from: { id: 'ann', name: 'Ann' }, text: 'text 3', data: { x: 1 }, at: at + 3 } },
      ],
      more: true,
    });
    expect((await closed.call('GET', '/rooms/den/messages', dan)).status).toBe(403);
    expect((await closed.call('GET', '/rooms/den/messages', bearer('eve', 'user', { rooms: ['de*'] }))).status).toBe(200);
    expect((await api.call('GET', '/rooms/live:x/messages', dan)).body).toEqual({ messages: [], more: false });
  });
});
