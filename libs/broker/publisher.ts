/** Publishes to rooms over Redis. */
import { failPoint } from '#libs/config/fail-point.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { loadScript, type RedisLink, type Script } from '#libs/redis/redis-link.ts';
import { ActiveRooms } from './active-rooms.ts';
import type { Archive } from './archive.ts';
import { ArchiveKeys } from './archive-keys.ts';
import type { Published, PublishRequest } from './broker.ts';
import type { BrokerLimits } from './broker-limits.ts';
import type { EpochSource } from './epoch-source.ts';
import { metaLife, type RoomReader } from './room-reader.ts';

const PUBLISH = new URL('./lua/publish.lua', import.meta.url);

/**
 * Milliseconds during which a publication is retried; the first pause between two attempts, doubled
 * each time; the longest pause.
 */
const PATIENCE_MS = 3000;
const PAUSE_MS = 40;
const LONGEST_PAUSE_MS = 400;

/** Publishes to rooms that keep a stream. Retries under the same key. */
export class Publisher {
  readonly #link: RedisLink;
  readonly #epochs: EpochSource;
  /**
   * One script for messages and one for other events, so that a message pays nothing for events.
   */
  readonly #script: Script;
  readonly #eventScript: Script;
  readonly #reader: RoomReader;
  readonly #archived: ArchiveKeys | undefined;
  readonly #active: ActiveRooms;
  /** Rooms whose epoch is being read. Publications meanwhile wait for the same answer, in order. */
  readonly #epochsAsked = new Map<string, Promise<string>>();
  #closed = false;

  constructor(link: RedisLink, limits: BrokerLimits, epochs: EpochSource, reader: RoomReader, archive?: Archive) {
    this.#reader = reader;
    this.#archived = archive && new ArchiveKeys(archive, limits.idempotencyTtlMs);
    this.#link = link;
    this.#active = new ActiveRooms(link);
    this.#epochs = epochs;
    const constants = {
      PUBLISH: link.isCluster ? 'SPUBLISH' : 'PUBLISH',
      // Strings for values that the script only passes on: Lua formats numbers slowly.
      STREAM_LENGTH: String(limits.streamMaxLength),
      STREAM_AGE: limits.streamMaxAgeMs,
      META_LIFE: String(metaLife(limits)),
      KEY_LIFE: String(limits.idempotencyTtlMs),
    };
    this.#script = loadScript(PUBLISH, { EVENT: 0, ...constants });
    this.#eventScript = loadScript(PUBLISH, { EVENT: 1, ...constants });
  }

  /** As `Broker.publish`. */
  publish(request: PublishRequest): Promise<Published> {
    const end = performance.now() + PATIENCE_MS;
    // Not `async`, as `#try` and `#run`: each would add a promise to every message.
    return this.#try(request).catch((error: unknown) => {
      if (request.key === null) throw error;
      return this.#retry(request, error, end);
    });
  }

  /** As `Broker.active`. */
  active(): Promise<string[]> {
    return this.#active.rooms();
  }

  /** Ends all retries. */
  close(): void {
    this.#closed = true;
  }

  #try(request: PublishRequest): Promise<Published> {
    const { keys } = this.#link;
    const { room, key, at } = request;
    const names = [keys.meta(room), keys.stream(room), keys.roomChannel(room)];
    if (key !== null) names.push(keys.idempotency(room, key));
    if (this.#archived?.holds(room)) return this.#tryArchived(this.#archived, request, names);
    return this.#run(request, names, [request.tail, at, this.#epochs()]).then((reply) => {
      failPoint('after-publish');
      return published(reply, at);
    });
  }

  #run({ room, event }: PublishRequest, names: readonly string[], args: readonly (string | number)[]): Promise<Reply> {
    const options = { runId: true };
    const reply =
      event === undefined
        ? this.#link.run(this.#script, names, args, options)
        : this.#link.run(
            this.#eventScript,
            names.toSpliced(3, 0, this.#link.keys.eventMark(room)),
            [event.offset, event.version, ...args],
            options,
          );
    return reply as Promise<Reply>;
  }

  /**
   * Publishes for a known epoch. If the room has another epoch by then, the archive is asked again
   * for the key and for the highest stored offset: a publication of the earlier epoch may have been
   * stored after this epoch began.
   */
  async #tryArchived(archived: ArchiveKeys, request: PublishRequest, names: readonly string[]): Promise<Published> {
    const { room, key, at, forceNew } = request;
    let epoch = archived.epochOf(room) ?? (await this.#epoch(room));
    for (;;) {
      let floor = 0;
      if (key === null) await archived.drainLookups(room);
      else if (forceNew || archived.mayHaveForgotten(epoch)) {
        const { first, top } = await archived.find(room, key);
        if (first !== undefined && !forceNew) return { ...first, repeated: true };
        floor = top;
      }
      this.#active.note(room, epoch);
      const reply = await this.#run(request, names, [request.tail, at, '', epoch, forceNew ? 1 : 0, floor]);
      if (reply[0] > 0) {
        archived.note(room, epoch);
        failPoint('after-publish');
        return published(reply, at);
      }
      epoch = reply[1] === '' ? await this.#epoch(room) : reply[1];
    }
  }

  #epoch(room: string): Promise<string> {
    const asked = this.#epochsAsked.get(room);
    if (asked !== undefined) return asked;
    const answer = this.#reader.position(room).then(({ epoch }) => epoch);
    this.#epochsAsked.set(room, answer);
    const done = (): void => void this.#epochsAsked.delete(room);
    answer.then(done, done);
    return answer;
  }

  async #retry(request: PublishRequest, first: unknown, end: number): Promise<Published> {
    let error = first;
    for (let attempt = 0; ; attempt++) {
      const pause = Math.min(PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2);
      const left = end - performance.now() - pause;
      if (left <= 0 || this.#closed) throw HubError.from(error);
      await new Promise((resolve) => setTimeout(resolve, pause));
      try {
        return await within(left, this.#try(request));
      } catch (latest) {
        error = latest;
      }
    }
  }
}

type Reply = [offset: number, epoch: string, first: number | undefined];

function published([offset, epoch, first]: Reply, at: number): Published {
  return first === undefined ? { offset, epoch, at, repeated: false } : { offset, epoch, at: first, repeated: true };
}

function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new HubError('UNAVAILABLE')), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
