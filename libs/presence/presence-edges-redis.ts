import { loadScript, type RedisLink } from '#libs/redis/redis-link.ts';
import type { EdgeAnswer, EdgeRequest, PresenceEdge, PresenceEdges, Report, Subject } from './presence-edges.ts';
import { EDGE_LIMITS } from './presence-edges.ts';

const READ = loadScript(new URL('./lua/read-edges.lua', import.meta.url), { EDGES_MAX: EDGE_LIMITS.max });
const RECORD = loadScript(new URL('./lua/record-report.lua', import.meta.url));

/** Members that one `SSCAN` looks at, about. */
const SCAN_COUNT = 1000;

/** The edges that the scripts of presence add in Redis: a stream for each shard. */
export class PresenceEdgesRedis implements PresenceEdges {
  readonly shards: number;
  readonly #link: RedisLink;

  /** The link stays the caller's to close. */
  constructor(link: RedisLink) {
    this.#link = link;
    this.shards = link.keys.presenceShards;
  }

  async read(shard: number, { holder, holdMs, after = '', limit }: EdgeRequest): Promise<EdgeAnswer> {
    const { keys } = this.#link;
    const names = [keys.observer(shard), keys.edges(shard), keys.reported(shard)];
    const reply = list(await this.#link.run(READ, names, [holder, holdMs, after, limit, EDGE_LIMITS.keptMs, EDGE_LIMITS.reportKeptMs]));
    const [state, now, before, isWhole, from, entries] = reply;
    if (state === 'busy') return { state, forMs: Number(now) };
    const edges = list(entries).flatMap((entry) => edge(list(entry)));
    return {
      state: 'held',
      now: Number(now),
      heldBefore: before === holder ? 'self' : before === '' ? 'nobody' : 'other',
      isWhole: Number(isWhole) === 1,
      from: String(from),
      edges,
      more: list(entries).length === limit,
    };
  }

  async record(shard: number, holder: string, { position = '', came, went, release = false }: Report): Promise<boolean> {
    const { keys } = this.#link;
    const args = [holder, position, release ? 'release' : '', came.length, ...came, ...went];
    return Number(await this.#link.run(RECORD, [keys.observer(shard), keys.reported(shard)], args)) === 1;
  }

  async *recorded(shard: number): AsyncIterable<readonly Subject[]> {
    yield* this.#pages(this.#link.keys.reported(shard), (member) => member as Subject);
  }

  async *present(shard: number): AsyncIterable<readonly Subject[]> {
    const { keys } = this.#link;
    yield* this.#pages(keys.online(shard), (user): Subject => `u:${user}`);
    yield* this.#pages(keys.occupied(shard), (room): Subject => `r:${room}`);
  }

  async absent(shard: number, subjects: readonly Subject[]): Promise<readonly Subject[]> {
    const { keys } = this.#link;
    const absent = await Promise.all([
      this.#missing(
        keys.online(shard),
        subjects.filter((subject) => subject.startsWith('u:')),
      ),
      this.#missing(
        keys.occupied(shard),
        subjects.filter((subject) => subject.startsWith('r:')),
      ),
    ]);
    return absent.flat();
  }

  async #missing(key: string, subjects: readonly Subject[]): Promise<readonly Subject[]> {
    if (subjects.length === 0) return [];
    const found = list(await this.#link.command(key, 'SMISMEMBER', key, ...subjects.map((subject) => subject.slice(2))));
    return subjects.filter((_, index) => Number(found[index]) === 0);
  }

  /** Scans a set in batches, so that Redis can serve other clients between them. */
  async *#pages(key: string, subjectOf: (member: string) => Subject): AsyncIterable<readonly Subject[]> {
    let cursor = '0';
    do {
      const [next, members] = list(await this.#link.command(key, 'SSCAN', key, cursor, 'COUNT', SCAN_COUNT));
      yield list(members).map((member) => subjectOf(String(member)));
      cursor = String(next);
    } while (cursor !== '0');
  }
}

/** An entry of the stream as its edge; nothing for the entry that a reader put at the end. */
function edge([id, fields]: readonly unknown[]): PresenceEdge[] {
  const [sign, subject] = list(fields).map(String);
  if (sign !== '+' && sign !== '-') return [];
  const position = String(id);
  return [{ id: position, subject: subject as Subject, isPresent: sign === '+', at: Number.parseInt(position, 10) }];
}

function list(reply: unknown): unknown[] {
  if (!Array.isArray(reply)) throw new TypeError(`Redis answered ${typeof reply} where a list was expected.`);
  return reply;
}
