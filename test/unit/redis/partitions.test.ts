import calculateSlot from 'cluster-key-slot';
import { describe, expect, test } from 'vitest';
import { PRESENCE_TAGS, partitionOf, ROOM_TAGS } from '#libs/redis/keys.ts';

/** The master that redis-cli gives a slot to, if it makes a Cluster of so many. */
function masterOf(slot: number, masters: number): number {
  return Array.from({ length: masters }, (_, i) => Math.round(((i + 1) * 16_384) / masters - 1)).findIndex((last) => slot <= last);
}

/** How many of these lie on the emptiest and on the fullest of so many masters, as shares of an equal part. */
function shares(slots: readonly number[], masters: number): [number, number] {
  const counts = new Array<number>(masters).fill(0);
  for (const slot of slots) {
    const master = masterOf(slot, masters);
    counts[master] = (counts[master] ?? 0) + 1;
  }
  const equal = slots.length / masters;
  return [Math.min(...counts) / equal, Math.max(...counts) / equal];
}

describe('partitions', () => {
  test('room tags are r0 to r1023, each once', () => {
    expect(ROOM_TAGS.filter((tag) => !/^r\d+$/.test(tag) || Number(tag.slice(1)) > 1023)).toEqual([]);
    expect(new Set(ROOM_TAGS).size).toBe(ROOM_TAGS.length);
    expect(new Set(ROOM_TAGS.map((tag) => calculateSlot(tag))).size).toBe(ROOM_TAGS.length);
  });

  test.each([2, 3, 4, 6, 12])('%i masters get equal shares of the tags', (masters) => {
    for (const tags of [ROOM_TAGS, PRESENCE_TAGS]) {
      expect(
        shares(
          tags.map((tag) => calculateSlot(tag)),
          masters,
        ),
      ).toEqual([1, 1]);
    }
  });

  test.each([3, 6, 12])('%i masters get equal shares of 100,000 rooms, within a tenth', (masters) => {
    const tags = Array.from({ length: 100_000 }, (_, i) => ROOM_TAGS[partitionOf(`group:room ${i}`, ROOM_TAGS.length)] ?? '');
    const [least, most] = shares(
      tags.map((tag) => calculateSlot(tag)),
      masters,
    );
    expect(least).toBeGreaterThan(0.9);
    expect(most).toBeLessThan(1.1);
  });

  test('where a room lies never changes: data would be lost', () => {
    const tagOf = (room: string): string | undefined => ROOM_TAGS[partitionOf(room, ROOM_TAGS.length)];
    expect(ROOM_TAGS).toHaveLength(864);
    expect(PRESENCE_TAGS).toHaveLength(60);
    expect(['park', 'live:news', 'group:ütf'].map(tagOf)).toEqual(['r499', 'r317', 'r18']);
  });
});
