import calculateSlot from 'cluster-key-slot';
import { describe, expect, test } from 'vitest';
import { RedisKeys } from '#libs/redis/keys.ts';

describe('names in Redis', () => {
  const keys = new RedisKeys('parley', true);

  test('what one script touches lies in one slot', () => {
    for (const room of ['park', 'live:a,b', 'dm:abc', '~']) {
      const names = [keys.meta(room), keys.stream(room), keys.roomChannel(room), keys.idempotency(room, 'k')];
      expect(new Set(names.map((name) => calculateSlot(name))).size).toBe(1);
      const shard = keys.shardOfRoom(room);
      const presence = [
        keys.roomUsers(room),
        keys.nodeRooms(shard, 'n'),
        keys.tombstones(shard),
        keys.presenceChannel(room),
        keys.occupied(shard),
        keys.edges(shard),
      ];
      expect(new Set(presence.map((name) => calculateSlot(name))).size).toBe(1);
    }
    for (const user of ['ann', '{b}', 'c}{d', 'é']) {
      const shard = keys.shardOfUser(user);
      const names = [
        keys.connections(user),
        keys.online(shard),
        keys.nodeConnections(shard, 'n'),
        keys.tombstones(shard),
        keys.logins(user),
        keys.userChannel(user),
        keys.edges(shard),
        keys.observer(shard),
        keys.reported(shard),
      ];
      expect(new Set(names.map((name) => calculateSlot(name))).size).toBe(1);
    }
  });

  test('what nodes tell lies in one slot', () => {
    expect(new Set([keys.nodes(), keys.nodeFacts('a'), keys.nodeFacts('b')].map((name) => calculateSlot(name))).size).toBe(1);
  });

  test('no two names are the same', () => {
    const names = [
      keys.meta('a'),
      keys.stream('a'),
      keys.roomChannel('a'),
      keys.idempotency('a', 'c'),
      keys.presenceChannel('a'),
      keys.connections('a'),
      keys.logins('a'),
      keys.userChannel('a'),
      keys.roomUsers('a'),
      keys.leases(),
      keys.online(0),
      keys.nodeConnections(0, 'a'),
      keys.nodeRooms(0, 'a'),
      keys.tombstones(0),
      keys.occupied(0),
      keys.edges(0),
      keys.observer(0),
      keys.reported(0),
      keys.probeChannel('a', 'a'),
      keys.nodes(),
      keys.nodeFacts('a'),
      keys.nodeFacts('ids'),
    ];
    expect(new Set(names).size).toBe(names.length);
  });

  test('every name begins with the prefix and one colon', () => {
    const names = [
      ...keys.samples(),
      keys.roomChannel('a'),
      keys.presenceChannel('a'),
      keys.userChannel('a'),
      keys.probeChannel('n', 't'),
      keys.health('t'),
      keys.jobs(),
    ];
    expect(names.filter((name) => !name.startsWith('parley:{'))).toEqual([]);
    for (const prefix of ['parley', 'parley:']) expect(new RedisKeys(prefix, false).jobs()).toBe('parley:{jobs}');
  });

  test('users are spread over the shards', () => {
    const shards = new Set(Array.from({ length: 2000 }, (_, i) => keys.shardOfUser(`user-${i}`)));
    expect(shards.size).toBe(60);
  });

  test('channel names are ASCII, whatever the user', () => {
    for (const user of ['é', '用户', '\ud800', 'a\u0000b']) expect(keys.userChannel(user)).toMatch(/^[\x21-\x7e]+$/);
    expect(keys.userChannel('%41')).not.toBe(keys.userChannel('A'));
  });

  test('without slots presence speaks on the room channel, in one shard', () => {
    const single = new RedisKeys('p', false);
    expect(single.presenceChannel('park')).toBe(single.roomChannel('park'));
    expect(single.shardOfUser('anyone')).toBe(0);
  });

  test('a prefix that would break the hash tags is refused', () => {
    for (const prefix of ['{x}', 'a b', 'a}']) expect(() => new RedisKeys(prefix, false)).toThrow(TypeError);
  });
});
