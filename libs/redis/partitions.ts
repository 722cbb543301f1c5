/** Hash tags that spread rooms and users over the masters of a Cluster in equal shares. */
import { crc32 } from 'node:zlib';
import calculateSlot from 'cluster-key-slot';

/** Slots of a Redis Cluster. */
const SLOTS = 16_384;
/** Equal parts of the slots: 2, 3, 4, 6 and 12 masters with equal slots each have a whole number of parts. */
const PARTS = 12;

/**
 * Tags of room partitions, each `r` and a number below 1,024. A room's keys and its channel share the tag
 * of its partition: a node subscribes to all of its rooms in one command for each partition at least, not
 * for each of 16,384 slots. The list never changes: it decides where data lies.
 */
export const ROOM_TAGS = evenTags('r', 72);

/** Tags of presence shards on a Cluster, `p` and a number. As fixed as those of rooms. */
export const PRESENCE_TAGS = evenTags('p', 5);

/** The partition of a name, from 0 to `partitions` - 1, in equal shares. */
export function partitionOf(name: string, partitions: number): number {
  return crc32(name) % partitions;
}

/** The first tags `<letter>0`, `<letter>1`, ... of which each twelfth of the slots has `each`. */
function evenTags(letter: string, each: number): readonly string[] {
  const left = new Array<number>(PARTS).fill(each);
  const tags: string[] = [];
  for (let n = 0; tags.length < PARTS * each; n += 1) {
    const tag = `${letter}${n}`;
    const part = Math.floor((calculateSlot(tag) * PARTS) / SLOTS);
    const room = left[part] ?? 0;
    if (room === 0) continue;
    left[part] = room - 1;
    tags.push(tag);
  }
  return tags;
}
