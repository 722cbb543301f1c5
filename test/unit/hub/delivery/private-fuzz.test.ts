import { describe, expect, test } from 'vitest';
import type { Broker, Page, Position } from '#libs/broker/broker.ts';
import { Counts } from '#libs/hub/delivery/counts.ts';
import { Joins } from '#libs/hub/delivery/joins.ts';
import { PrivateRooms } from '#libs/hub/delivery/private-rooms.ts';
import { NewRooms } from '#libs/hub/limits/new-rooms.ts';
import { Rooms } from '#libs/hub/rooms/rooms.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import { Faults } from '#libs/hub/sessions/faults.ts';
import { LocalUsers } from '#libs/hub/sessions/local-users.ts';
import { Retention, Standing } from '#libs/messages/room-access.ts';
import type { Presence } from '#libs/presence/presence.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { PAGE_BYTES } from '#libs/protocol/limits.ts';
import { WatchedBackground } from '#test/support/background.ts';
import { muteStats } from '#test/support/mute-stats.ts';
import { Random } from '#test/support/random.ts';
import { turn } from '#test/support/turn.ts';
import { openConnection } from '#test/support/unit-connection.ts';

const ROOM = 'pair:x';
/** Small pages: a recovery takes several. */
const PAGE_MAX = 3;
const STEPS = 60;
const SEEDS = 200;

interface Item {
  readonly offset: number;
  readonly message: { readonly id: string };
}

interface Frame {
  readonly type: string;
  readonly id?: string;
  readonly code?: string;
  readonly epoch?: string;
  readonly offset?: number;
  readonly more?: boolean;
  readonly recovered?: boolean;
  readonly message?: { readonly id: string };
  readonly messages?: readonly Item[];
}

/** What a client makes of the frames: where it stands, and every breach of M4 and M5. */
class Reader {
  readonly breaches: string[] = [];
  readonly asked = new Map<string, Position | undefined>();
  position: Position | undefined;
  #pages: Item[] = [];

  constructor(position: Position | undefined) {
    this.position = position;
  }

  take(frame: Frame): void {
    switch (frame.type) {
      case 'message':
        this.#message(frame);
        break;
      case 'joined':
        this.#joined(frame);
        break;
      case 'resync':
        this.position = { epoch: frame.epoch ?? '', offset: frame.offset ?? 0 };
        break;
      case 'error':
        this.#answered(frame.id);
        this.#pages = [];
        break;
      default:
        break;
    }
  }

  #message({ offset = 0, message }: Frame): void {
    const epoch = message?.id.split(':')[0] ?? '';
    const { position } = this;
    if (position !== undefined && (epoch !== position.epoch || offset !== position.offset + 1))
      this.breaches.push(`message ${epoch} ${offset} after ${position.epoch} ${position.offset}`);
    this.position = { epoch, offset };
  }

  #joined({ id, epoch = '', offset = 0, more = false, recovered = false, messages = [] }: Frame): void {
    this.#pages.push(...messages);
    if (more) return;
    const since = this.asked.get(id ?? '');
    this.#answered(id);
    const offsets = this.#pages.map((item) => item.offset);
    this.#pages = [];
    if (recovered && since !== undefined) {
      const missed = Array.from({ length: offset - since.offset }, (_, i) => since.offset + 1 + i);
      if (epoch !== since.epoch || offsets.join() !== missed.join())
        this.breaches.push(`since ${since.offset}: ${offsets} up to ${offset}`);
    }
    const { position } = this;
    if (position !== undefined && position.epoch === epoch && offset < position.offset)
      this.breaches.push(`joined at ${offset}, was at ${position.offset}`);
    this.position = { epoch, offset };
  }

  #answered(id: string | undefined): void {
    if (id === undefined || !this.asked.delete(id)) this.breaches.push(`answer ${id} to nobody`);
  }
}

/** A room with its broker, a user with two sessions on a node, and everything that goes wrong between them. */
class World {
  readonly readers: Reader[] = [];
  readonly #random: Random;
  readonly #retention: Retention;
  readonly #connections: Connection[] = [];
  readonly #joins: Joins;
  readonly #privateRooms: PrivateRooms;
  #waiting: (() => void)[] = [];
  #signals: { readonly epoch: string; readonly frame: Buffer }[] = [];
  #epochs = 1;
  #top = 0;
  #blocked = false;
  #ids = 0;
  #calm = false;

  constructor(random: Random, retention: Retention) {
    this.#random = random;
    this.#retention = retention;
    const broker = {
      subscribe: async () => ({ position: { epoch: '', offset: 0 }, latest: [], began: false }),
      unsubscribe: () => undefined,
      after: (_: string, above: number) => this.#read((offset) => offset > above, false),
      before: (_: string, below: number) => this.#read((offset) => offset < below, true),
    } as unknown as Broker;
    const stats = muteStats();
    const background = new WatchedBackground();
    const users = new LocalUsers({ subscribeUser: async () => undefined, unsubscribe: () => undefined });
    for (const name of ['c0', 'c1']) {
      // In a room that keeps history whatever is above the cursor comes; else from the first message on.
      const reader = new Reader(retention === Retention.history ? this.#position : undefined);
      const buffered = (): number => (this.#blocked ? PAGE_BYTES : 0);
      const connection = openConnection(users.enter('ann', 'Ann', 'user'), (frame) => reader.take(JSON.parse(frame)), {
        id: name,
        buffered,
      });
      users.add(connection);
      this.readers.push(reader);
      this.#connections.push(connection);
    }
    const clock = { steady: () => 0, wait: () => turn() };
    const cursors = { delivered: async () => ({ delivered: 0, historyFrom: 0 }), waiting: async () => this.#listed() };
    this.#privateRooms = new PrivateRooms({
      users,
      broker,
      cursors,
      access: { standing: async () => Standing.member },
      stats,
      background,
      clock,
    });
    this.#joins = new Joins({
      rooms: new Rooms(broker, new NewRooms(0, () => undefined), () => 0),
      counts: new Counts({ publish: () => undefined }),
      broker,
      presence: { enter: () => this.#later(() => 1), leave: async () => undefined } as unknown as Presence,
      stats,
      faults: new Faults({ log: { error: () => undefined }, met: () => undefined }),
      privateRooms: this.#privateRooms,
      roomLimit: 100,
      background,
      clock,
    });
  }

  async step(): Promise<void> {
    const random = this.#random;
    const index = random.between(0, 1);
    const [connection, reader] = [this.#connections[index], this.readers[index]];
    if (connection === undefined || reader === undefined) return;
    switch (random.between(0, 9)) {
      case 0:
      case 1:
      case 2:
        this.#publish();
        break;
      case 3:
      case 4:
        this.#signal();
        break;
      case 5: {
        const since = random.next() < 0.5 ? reader.position : undefined;
        this.#ids += 1;
        const id = `j${this.#ids}`;
        // Only the first of several asks: those that share its outcome have nothing to recover.
        reader.asked.set(id, connection.roomNames().length > 0 ? undefined : since);
        this.#joins.join(connection, id, ROOM, since, () =>
          this.#later(() => ({ room: ROOM, retention: this.#retention, members: ['ann', 'bob'] })),
        );
        break;
      }
      case 6:
        this.#joins.leave(connection, ROOM);
        break;
      case 7:
        this.#settle();
        break;
      case 8:
        this.#blocked = random.next() < 0.5;
        for (const one of this.#connections) one.drained();
        break;
      default:
        if (random.next() < 0.3) await this.#lose(random.next() < 0.5 && this.#retention === Retention.stream);
    }
    if (random.next() < 0.7) await turn();
  }

  /** Everything arrives, and what was lost is looked for. */
  async calm(): Promise<Position> {
    this.#calm = true;
    this.#blocked = false;
    for (let round = 0; round < 60; round += 1) {
      if (round === 30) this.#privateRooms.heal(['ann']);
      for (const one of this.#connections) one.drained();
      while (this.#signals.length > 0) this.#signal();
      this.#settle();
      await turn();
    }
    return this.#position;
  }

  get #position(): Position {
    return { epoch: `e${this.#epochs}`, offset: this.#top };
  }

  #publish(): void {
    this.#top += 1;
    this.#signals.push({ epoch: this.#position.epoch, frame: this.#frame(this.#top) });
  }

  #frame(offset: number): Buffer {
    const id = `${this.#position.epoch}:${offset}`;
    return Buffer.from(
      `{"offset":${offset},"room":"${ROOM}","type":"message","message":{"id":"${id}","from":{"id":"bob"},"text":"x","at":1}}`,
    );
  }

  /** In rooms that keep history in any order; in the others as one node sends them. Some come twice. */
  #signal(): void {
    const at = this.#retention === Retention.history ? this.#random.between(0, Math.max(0, this.#signals.length - 1)) : 0;
    const signal = this.#signals[at];
    if (signal === undefined) return;
    if (this.#random.next() < 0.9) this.#signals.splice(at, 1);
    this.#privateRooms.arrived('ann', this.#retention, signal.frame, this.#retention === Retention.history ? undefined : signal.epoch);
  }

  /** The connection to the backend breaks: what is on its way is lost. `sequence`: what the backend had, too. */
  async #lose(sequence: boolean): Promise<void> {
    this.#signals = [];
    if (sequence) {
      this.#epochs += 1;
      this.#top = this.#random.between(0, 2);
    }
    this.#privateRooms.heal(['ann']);
  }

  #listed() {
    return this.#retention === Retention.history && this.#top > 0 ? [{ room: ROOM, delivered: 0, top: this.#top, historyFrom: 0 }] : [];
  }

  #read(wanted: (offset: number) => boolean, newest: boolean): Promise<Page> {
    return this.#later(() => {
      const all = Array.from({ length: this.#top }, (_, i) => i + 1).filter(wanted);
      const some = newest ? all.slice(-PAGE_MAX) : all.slice(0, PAGE_MAX);
      return {
        position: this.#position,
        publications: some.map((offset) => ({ offset, frame: this.#frame(offset) })),
        more: some.length < all.length,
        complete: true,
      };
    });
  }

  /** Answers at some moment, as of the moment of the question or of the answer; now and then with an error. */
  #later<T>(answer: () => T): Promise<T> {
    const early = this.#random.next() < 0.5 ? { value: answer() } : undefined;
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        if (!this.#calm && this.#random.next() < 0.1) reject(new HubError('UNAVAILABLE'));
        else resolve(early === undefined ? answer() : early.value);
      });
    });
  }

  #settle(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const answer of waiting) {
      if (this.#calm || this.#random.next() < 0.7) answer();
      else this.#waiting.push(answer);
    }
  }
}

describe.each([Retention.history, Retention.stream])('[M4] [M5] a private room that keeps %s', (retention) => {
  test('reaches each session in order, once, with nothing missed, and answers each join, whatever happens', async () => {
    const failed: string[] = [];
    const random = Random.fromEnvironment(`private room, ${retention}`);
    for (let run = 0; run < SEEDS; run += 1) {
      const seed = random.between(0, 2 ** 31);
      const world = new World(new Random(seed), retention);
      for (let step = 0; step < STEPS; step += 1) await world.step();
      const end = await world.calm();
      for (const [index, { breaches, asked, position }] of world.readers.entries()) {
        const unanswered = [...asked.keys()].map((id) => `${id} is not answered`);
        const isShort = position !== undefined && (position.epoch !== end.epoch || position.offset !== end.offset);
        const short = isShort ? [`at ${position.epoch} ${position.offset}, not at ${end.epoch} ${end.offset}`] : [];
        for (const breach of [...breaches, ...unanswered, ...short]) failed.push(`seed ${seed}, c${index}: ${breach}`);
      }
    }
    expect(failed).toEqual([]);
  });
});
