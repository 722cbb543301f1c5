import type { EdgeAnswer, EdgeRequest, PresenceEdge, PresenceEdges, Report, Subject } from './presence-edges.ts';
import { EDGE_LIMITS } from './presence-edges.ts';

/** Edges above `EDGE_LIMITS.max` before the oldest are dropped, in one go. */
const SLACK = 1000;
/**
 * The subject of an entry that is no edge: a position where a reader begins. No room has this name
 * (R1).
 */
const MARK: Subject = 'r: ';

/** Who is present, by user and by room. */
interface Space {
  readonly connections: ReadonlyMap<string, unknown>;
  readonly rooms: ReadonlyMap<string, unknown>;
}

/** The edges of presence within one process: one shard. Each change of the space calls `add`. */
export class PresenceEdgesMemory implements PresenceEdges {
  readonly shards = 1;
  readonly #space: Space;
  readonly #now: () => number;
  /**
   * Begins with the edge or mark that the oldest known position names. Undefined while nobody
   * observes.
   */
  #log: PresenceEdge[] | undefined;
  #serial = 0;
  #readAt = Number.NEGATIVE_INFINITY;
  #holder = '';
  #heldUntil = 0;
  #position = '';
  readonly #reported = new Set<Subject>();

  /** @param now Unix milliseconds. */
  constructor(space: Space, now: () => number = Date.now) {
    this.#space = space;
    this.#now = now;
  }

  /** The subject came or went. */
  add(subject: Subject, isPresent: boolean): void {
    if (this.#log === undefined) return;
    if (this.#now() - this.#readAt > EDGE_LIMITS.keptMs) this.#log = undefined;
    else this.#append(this.#log, subject, isPresent);
  }

  async read(_shard: number, { holder, holdMs, after, limit }: EdgeRequest): Promise<EdgeAnswer> {
    const now = this.#now();
    const before = this.#holder;
    const left = this.#heldUntil - now;
    if (before !== '' && before !== holder && left > 0 && left <= holdMs) return { state: 'busy', forMs: left };
    if (now - this.#readAt > EDGE_LIMITS.keptMs) this.#log = undefined;
    if (now - this.#readAt > EDGE_LIMITS.reportKeptMs) this.#forget();
    this.#holder = holder;
    this.#heldUntil = now + holdMs;
    this.#readAt = now;
    this.#log ??= [];
    const position = after ?? this.#position;
    const at = this.#log.findIndex(({ id }) => id === position);
    const found = at < 0 ? [] : this.#log.slice(at + 1, at + 1 + limit);
    return {
      state: 'held',
      now,
      heldBefore: before === holder ? 'self' : before === '' ? 'nobody' : 'other',
      isWhole: at >= 0,
      from: at >= 0 ? position : this.#append(this.#log, MARK, false),
      edges: found.filter(({ subject }) => subject !== MARK),
      more: found.length === limit,
    };
  }

  async record(_shard: number, holder: string, { position, came, went, release }: Report): Promise<boolean> {
    if (this.#holder !== holder) return false;
    for (const subject of came) this.#reported.add(subject);
    for (const subject of went) this.#reported.delete(subject);
    this.#position = position ?? this.#position;
    if (release) this.#heldUntil = 0;
    return true;
  }

  async *recorded(): AsyncIterable<readonly Subject[]> {
    yield [...this.#reported];
  }

  async *present(): AsyncIterable<readonly Subject[]> {
    yield Array.from(this.#space.connections.keys(), (user): Subject => `u:${user}`);
    yield Array.from(this.#space.rooms.keys(), (room): Subject => `r:${room}`);
  }

  async absent(_shard: number, subjects: readonly Subject[]): Promise<readonly Subject[]> {
    const { connections, rooms } = this.#space;
    return subjects.filter((subject) => !(subject.startsWith('u:') ? connections : rooms).has(subject.slice(2)));
  }

  /** Returns the position after the new entry. */
  #append(log: PresenceEdge[], subject: Subject, isPresent: boolean): string {
    this.#serial += 1;
    const id = String(this.#serial);
    log.push({ id, subject, isPresent, at: this.#now() });
    if (log.length > EDGE_LIMITS.max + SLACK) log.splice(0, log.length - EDGE_LIMITS.max);
    return id;
  }

  #forget(): void {
    this.#holder = '';
    this.#position = '';
    this.#reported.clear();
  }
}
