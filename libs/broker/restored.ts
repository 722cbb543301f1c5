/**
 * After a backup of PostgreSQL was restored: the sequences in Redis have positions that the database
 * does not have any more. Their epochs end, and everybody is told by `resync` (M3).
 */
import type { RedisMaster } from '#libs/redis/master.ts';
import type { RedisLink } from '#libs/redis/redis-link.ts';

/** Keys of one SCAN. */
const PAGE = 1000;
/** A position as `lua/publish.lua` writes it: epoch, run_id, second, offset. */
const META = /^(.{16})[0-9a-f]{40}(\d{11,})$/;
/** The run_id of no server: a room that has it gets a new epoch and keeps its offset. */
const NO_SERVER = '0'.repeat(40);

/**
 * Ends the epoch of every room. Streams and offsets stay: a worker stores what only a stream has.
 * Resolves with the number of rooms. Rejects if a gateway runs: it would not notice.
 */
export async function endEpochs(link: RedisLink): Promise<number> {
  await refuseWhileGatewaysRun(link);
  let ended = 0;
  for (const master of link.masters()) {
    for (let cursor = '0'; ; ) {
      const [next, keys] = (await link.ask(master, 'SCAN', [cursor, 'MATCH', link.keys.metas(), 'COUNT', PAGE])) as [string, string[]];
      for (const key of keys) ended += await endEpoch(link, master, key);
      if (next === '0') break;
      cursor = next;
    }
  }
  return ended;
}

async function endEpoch(link: RedisLink, master: RedisMaster, key: string): Promise<number> {
  const found = META.exec(String(await link.ask(master, 'GET', [key])));
  if (found === null) return 0;
  await link.ask(master, 'SET', [key, `${found[1]}${NO_SERVER}${found[2]}`, 'XX', 'KEEPTTL']);
  return 1;
}

/** @throws Error if a node holds a lease. */
async function refuseWhileGatewaysRun(link: RedisLink): Promise<void> {
  const key = link.keys.leases();
  const master = link.masterOf(key);
  if (master === undefined) throw new Error('Redis cannot be reached');
  const [seconds, micros] = (await link.ask(master, 'TIME', [])) as [string, string];
  const now = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  const running = Number(await link.ask(master, 'ZCOUNT', [key, now, '+inf']));
  if (running > 0) throw new Error(`${running} gateways run, or were killed in the last seconds: stop all programs first`);
}
