import { setTimeout as delay } from 'node:timers/promises';
import { dialectOf } from '#bench/load/dialects.ts';
import { LoadClient } from '#bench/load/load-client.ts';
import { MessageFrame } from '#bench/load/message-frame.ts';
import { signToken } from '#bench/load/token.ts';
import type { Block, Counted } from './crowd-orders.ts';
import { HALL, placeOf, smallRoom, type Traffic } from './grid.ts';

/** Handshakes under way at a time. */
const CONCURRENCY = 48;
/** More than so many handshakes that have to be tried again are a failure. */
const FAILURES_MAX = 50;
/** Those who lose their connection come back within this, at random, milliseconds. */
const SCATTER_MS = 1_000;
const TICK_MS = 2;

interface Seat {
  readonly n: number;
  readonly room: string | undefined;
  /** Its node. */
  readonly home: number;
  port: number;
  client: LoadClient;
  /** Deliveries of the clients that it had before. */
  earlier: number;
}

/** The connections of one crowd process. */
export class Crowd {
  readonly #block: Block;
  #ports: readonly number[];
  readonly #seats: Seat[];
  readonly #members = new Map<string, Seat[]>();
  readonly #frames = new Map<string, MessageFrame>();
  /** Called once a connection is lost, by its number. */
  readonly #onBroken = new Map<number, () => void>();
  #number = 0;

  constructor(block: Block) {
    this.#block = block;
    this.#ports = block.ports;
    this.#seats = Array.from({ length: block.to - block.from }, (_, index) => {
      const n = block.from + index;
      const { room, node } = placeOf(block.shape, n, block.nodes);
      const port = block.ports[node] ?? 0;
      const seat: Seat = { n, room, home: node, port, client: this.#client(n, room, port), earlier: 0 };
      if (room !== undefined) this.#members.set(room, [...(room === HALL ? [] : (this.#members.get(room) ?? [])), seat]);
      return seat;
    });
    // The hall's writers: all of this process, in turn.
    const hall = this.#seats.filter(({ room }) => room === HALL);
    if (hall.length > 0) this.#members.set(HALL, hall);
  }

  /** Opens all connections. @throws Error if many handshakes fail. */
  async connect(): Promise<{ readonly connected: number; readonly failures: readonly string[] }> {
    const failures = await this.#open([...this.#seats].reverse());
    return { connected: this.#seats.length, failures };
  }

  /**
   * Publishes part `part` of `parts` of the hall's messages, and those to small rooms of this
   * process. All of them are spread evenly over the time.
   *
   * @param rooms The number of small rooms of all processes.
   */
  async publish({ hall, small, seconds }: Traffic, part: number, parts: number, rooms: number): Promise<void> {
    const due: { readonly at: number; readonly seat: Seat }[] = [];
    const take = (count: number, of: (message: number) => Seat | undefined): void => {
      for (let message = 0; message < count; message += 1) {
        const seat = of(message);
        if (seat !== undefined) due.push({ at: ((message + 0.5) / count) * seconds * 1000, seat });
      }
    };
    const inHall = this.#members.get(HALL) ?? [];
    take(hall, (message) => (message % parts === part ? inHall[(message * 7) % inHall.length] : undefined));
    take(small, (message) => this.#members.get(smallRoom(spread(message, rooms)))?.[message % 10]);
    due.sort((one, other) => one.at - other.at);
    const started = performance.now();
    let next = 0;
    for (;;) {
      const now = performance.now() - started;
      for (let one = due[next]; one !== undefined && one.at <= now; one = due[++next]) this.#say(one.seat);
      if (next >= due.length) return;
      await delay(TICK_MS);
    }
  }

  count(): Counted {
    const { user, system } = process.cpuUsage();
    let [deliveries, broken, bytes] = [0, 0, 0];
    for (const { client, earlier } of this.#seats) {
      deliveries += earlier + client.reader.deliveries;
      bytes += client.bytes;
      if (client.broken) broken += 1;
    }
    return { deliveries, broken, bytes, cpuMicros: user + system };
  }

  /** Brings all who sit at a port to another one once it fails. Resolves when all are back. */
  async comeBack(port: number): Promise<{ readonly connected: number; readonly failures: readonly string[] }> {
    const others = this.#ports.filter((one) => one !== port);
    const lost = this.#seats.filter((seat) => seat.port === port);
    const failures = await Promise.all(
      lost.map(async (seat) => {
        if (!seat.client.broken) await new Promise<void>((resolve) => void this.#onBroken.set(seat.n, resolve));
        await delay(Math.random() * SCATTER_MS);
        return this.#open([this.#moved(seat, others[seat.n % others.length] ?? 0)]);
      }),
    );
    return { connected: lost.length, failures: failures.flat() };
  }

  /** Brings all who came back elsewhere to the port that their node has now. */
  async goHome(ports: readonly number[]): Promise<{ readonly connected: number; readonly failures: readonly string[] }> {
    this.#ports = ports;
    const away = this.#seats.filter(({ home, port }) => ports[home] !== port);
    for (const seat of away) {
      seat.client.end();
      this.#moved(seat, ports[seat.home] ?? 0);
    }
    return { connected: away.length, failures: await this.#open(away) };
  }

  async #open(queue: Seat[]): Promise<string[]> {
    const failures: string[] = [];
    const lane = async (): Promise<void> => {
      for (let seat = queue.pop(); seat !== undefined; seat = queue.pop()) {
        try {
          await seat.client.open();
        } catch (error) {
          failures.push(String(error));
          if (failures.length > FAILURES_MAX) throw new Error(`connections fail: ${failures[0]}`);
          queue.push(this.#moved(seat, seat.port));
          await delay(100);
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(CONCURRENCY, queue.length) }, lane));
    return failures;
  }

  #moved(seat: Seat, port: number): Seat {
    seat.earlier += seat.client.reader.deliveries;
    seat.port = port;
    seat.client = this.#client(seat.n, seat.room, port);
    return seat;
  }

  #client(n: number, room: string | undefined, port: number): LoadClient {
    const { secret, addresses } = this.#block;
    return new LoadClient({
      port,
      from: addresses[n % addresses.length] ?? '127.0.0.1',
      dialect: dialectOf('parley'),
      place: { room: room ?? null, user: `u${n}`, token: signToken(secret, `u${n}`, Date.now()) },
      lazy: false,
      onBroken: () => this.#onBroken.get(n)?.(),
    });
  }

  #say({ room = HALL, client }: Seat): void {
    const frame =
      this.#frames.get(room) ?? new MessageFrame((text, id) => `{"type":"message","id":"${id}","room":"${room}","text":"${text}"}`);
    this.#frames.set(room, frame);
    client.send(frame.stamped(Date.now() * 1000, Math.floor(Date.now() * 1000) + (this.#number++ % 1000)));
  }
}

/** The room of the n-th message: all rooms in turn, neighbours far from each other. */
function spread(message: number, rooms: number): number {
  return (message * 7_919) % rooms;
}
