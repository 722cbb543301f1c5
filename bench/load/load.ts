import { quantile } from '#bench/measure/stats.ts';
import { churn } from './churn.ts';
import type { Dialect, Place } from './dialect.ts';
import { dialectOf } from './dialects.ts';
import { Flood } from './flood.ts';
import { LoadClient } from './load-client.ts';
import { MessageFrame, readStamp } from './message-frame.ts';
import {
  type Churned,
  type Churning,
  type Connected,
  type Delivered,
  type Flooded,
  type Flooding,
  LATE_MS,
  type Plan,
  type Traffic,
} from './plan.ts';
import { signToken } from './token.ts';

const TICK_MS = 1;
/** Time between two groups of connections that show that they are alive. */
const BEAT_MS = 1_000;
/** Number of groups in which lazy connections are read, one group after the other. */
const SIP_TURNS = 20;
/** Most handshakes that may fail and be tried again before the connect counts as failed. */
const FAILURES_MAX = 20;
/** Rooms between the second rooms of two neighbours. */
const SECOND_STEP = 37;
const MOST_SAMPLES = 400_000;

interface Seat {
  client: LoadClient;
  /** A client that has not connected yet, for this seat. */
  readonly fresh: () => LoadClient;
  readonly room: number;
  /** Number among the room's own members. */
  readonly member: number;
  readonly frame: MessageFrame;
  /** Messages it published in the current stretch. */
  sent: number;
}

/** All connections of one plan, and the traffic over them. */
export class Load {
  readonly #plan: Plan;
  readonly #dialect: Dialect;
  readonly #seats: Seat[] = [];
  /** Publishers in the order of their turns: one of each room, then the next one of each room. */
  readonly #turns: Seat[] = [];
  #samples: number[] = [];
  #sampling = false;
  /** When the last late delivery came, of `performance.now()`. */
  #lateAt = 0;
  #numbers = 0;
  #sips: NodeJS.Timeout | undefined;
  #beats: NodeJS.Timeout | undefined;

  /** Builds every request and frame, and signs the tokens, before the server is measured. */
  constructor(plan: Plan) {
    this.#plan = plan;
    this.#dialect = dialectOf(plan.dialect);
    const rooms = plan.rooms.length > 0 ? plan.rooms : [null];
    rooms.forEach((room, r) => {
      for (let m = 0; m < plan.members; m++) this.#seats.push(this.#seat(room, r, m));
    });
    for (let p = 0; p < plan.publishers; p++) {
      for (let r = 0; r < rooms.length; r++) {
        const seat = this.#seats[r * plan.members + ((Math.floor((p * plan.members) / plan.publishers) + p) % plan.members)];
        if (seat !== undefined) this.#turns.push(seat);
      }
    }
  }

  /** Opens all connections, `concurrency` at a time. */
  async connect(): Promise<Connected> {
    const started = performance.now();
    const queue = [...this.#seats].reverse();
    const failures: string[] = [];
    const lane = async () => {
      for (let seat = queue.pop(); seat !== undefined; seat = queue.pop()) {
        try {
          await seat.client.open();
          await this.#enterSecond(seat);
        } catch (error) {
          failures.push(String(error));
          if (failures.length > FAILURES_MAX) return;
          seat.client = seat.fresh();
          queue.push(seat);
        }
      }
    };
    await Promise.all(Array.from({ length: this.#plan.concurrency }, lane));
    this.#sipInTurn();
    this.#keepAlive();
    return { connections: this.#seats.length, seconds: (performance.now() - started) / 1000, failures };
  }

  /** Publishes for a while, then waits until all is delivered or the drain time is over. */
  async run(traffic: Traffic): Promise<Delivered> {
    const before = this.#seats.map((seat) => seat.client.reader.deliveries);
    const bytesBefore = this.#bytes();
    const receivedBefore = this.#received();
    const answeredBefore = this.#answered();
    const sentTo = new Array<number>(Math.max(1, this.#plan.rooms.length)).fill(0);
    const cpu = process.cpuUsage();
    for (const seat of this.#seats) seat.sent = 0;
    this.#samples = [];
    this.#sampling = true;
    this.#lateAt = 0;
    const started = performance.now();
    const total = Math.round(traffic.rate * traffic.seconds);
    await this.#publish(total, traffic.rate, sentTo);
    const expected = this.#seats.reduce((sum, seat) => sum + this.#due(seat, sentTo), 0);
    const deadline = performance.now() + traffic.drainMs;
    for (const seat of this.#seats) seat.client.hurry(true);
    while (this.#received() - receivedBefore < expected && performance.now() < deadline) await tick();
    for (const seat of this.#seats) seat.client.hurry(false);
    this.#sampling = false;
    const used = process.cpuUsage(cpu);
    const received = this.#received() - receivedBefore;
    const lost = this.#seats.reduce(
      (sum, seat, i) => sum + Math.max(0, this.#due(seat, sentTo) - (seat.client.reader.deliveries - (before[i] ?? 0))),
      0,
    );
    const sorted = Float64Array.from(this.#samples).sort();
    return {
      sent: total,
      expected,
      received,
      lost,
      closed: this.#seats.reduce((sum, seat) => sum + (seat.client.broken ? 1 : 0), 0),
      bytes: this.#bytes() - bytesBefore,
      seconds: (performance.now() - started) / 1000,
      p50: quantile(sorted, 0.5) / 1000,
      p99: quantile(sorted, 0.99) / 1000,
      samples: sorted.length,
      answered: this.#answered() - answeredBefore,
      lateUntil: Math.max(0, this.#lateAt - started) / 1000,
      cpuMicros: used.user + used.system,
    };
  }

  /** The connections enter and leave rooms. */
  churn(churning: Churning): Promise<Churned> {
    return churn(
      this.#seats.map((seat) => seat.client),
      this.#dialect,
      churning,
    );
  }

  /** Publishes for a while, and floods one connection more. */
  async flood(flooding: Flooding): Promise<Flooded> {
    const flood = await Flood.start(
      this.#dialect,
      { ...this.#place(flooding.room, `${this.#plan.userPrefix}-flooded`), port: this.#plan.ports[0] ?? 0 },
      flooding,
    );
    const crowd = this.#plan.rooms[0];
    if (crowd !== undefined) await flood.enter(crowd);
    flood.begin();
    const delivered = await this.run(flooding);
    return { ...delivered, cutOff: await flood.end() };
  }

  /** Cuts all connections. */
  disconnect(): void {
    clearInterval(this.#sips);
    clearInterval(this.#beats);
    for (const seat of this.#seats) seat.client.end();
  }

  #sipInTurn(): void {
    if (this.#plan.readEveryMs === 0) return;
    let turn = 0;
    this.#sips = setInterval(() => {
      for (let i = turn; i < this.#seats.length; i += SIP_TURNS) this.#seats[i]?.client.sip();
      turn = (turn + 1) % SIP_TURNS;
    }, this.#plan.readEveryMs / SIP_TURNS);
  }

  /** A share of all connections a second, so that nobody sends in step with others. */
  #keepAlive(): void {
    const { keepAlive } = this.#dialect;
    if (keepAlive === undefined) return;
    const turns = Math.ceil(keepAlive.everyMs / BEAT_MS);
    let turn = 0;
    this.#beats = setInterval(() => {
      for (let i = turn; i < this.#seats.length; i += turns) this.#seats[i]?.client.say(keepAlive.payload);
      turn = (turn + 1) % turns;
    }, BEAT_MS);
  }

  #publish(total: number, rate: number, sentTo: number[]): Promise<void> {
    return new Promise((resolve) => {
      const started = performance.now();
      let sent = 0;
      const step = () => {
        const due = Math.min(total, Math.floor(((performance.now() - started) / 1000) * rate) + 1);
        while (sent < due) {
          const seat = this.#turns[sent % this.#turns.length];
          if (seat === undefined) break;
          seat.client.send(seat.frame.stamped(performance.now() * 1000, this.#numbers++));
          sentTo[seat.room] = (sentTo[seat.room] ?? 0) + 1;
          seat.sent += 1;
          sent += 1;
        }
        if (sent >= total || this.#turns.length === 0) resolve();
        else setTimeout(step, TICK_MS);
      };
      step();
    });
  }

  /** How many messages a connection gets of those that were published to the rooms. */
  #due(seat: Seat, sentTo: readonly number[]): number {
    const second = this.#plan.roomsEach === 2 ? (sentTo[this.#secondOf(seat)] ?? 0) : 0;
    return (sentTo[seat.room] ?? 0) + second - (this.#dialect.echoes ? 0 : seat.sent);
  }

  /** The members of a room are spread over the rooms that they are in, too. */
  #secondOf({ room, member }: Seat): number {
    return (room + 1 + member * SECOND_STEP) % Math.max(1, this.#plan.rooms.length);
  }

  async #enterSecond(seat: Seat): Promise<void> {
    if (this.#plan.roomsEach === 1) return;
    const room = this.#plan.rooms[this.#secondOf(seat)] ?? '';
    const question = this.#dialect.join?.(room, '1');
    if (question === undefined) throw new Error(`${this.#plan.dialect}: an open connection enters no further room`);
    await seat.client.ask(question);
  }

  #seat(room: string | null, r: number, m: number): Seat {
    const plan = this.#plan;
    const user = `${plan.userPrefix}-${r}-${m}`;
    const place = this.#place(room, user);
    const sampled = m % plan.sampleEvery === Math.floor(plan.sampleEvery / 2);
    const fresh = () =>
      new LoadClient({
        port: plan.ports[m % plan.ports.length] ?? 0,
        dialect: this.#dialect,
        place,
        lazy: plan.readEveryMs > 0 && !sampled,
        ...(sampled ? { sink: (chunk: Buffer, start: number, length: number) => this.#sample(chunk, start, length) } : {}),
      });
    const frame = new MessageFrame((text, id) => this.#dialect.message(text, id, place));
    return { room: r, member: m, client: fresh(), fresh, frame, sent: 0 };
  }

  #place(room: string | null, user: string): Place {
    const { secret } = this.#plan;
    return { room, user, token: secret === null ? null : signToken(secret, user, Date.now()) };
  }

  #sample(chunk: Buffer, start: number, length: number): void {
    if (!this.#sampling || start < 0 || this.#samples.length >= MOST_SAMPLES) return;
    const stamp = readStamp(chunk, start, length);
    if (Number.isNaN(stamp)) return;
    const now = performance.now();
    this.#samples.push(now * 1000 - stamp);
    if (now - stamp / 1000 > LATE_MS) this.#lateAt = now;
  }

  #received(): number {
    let sum = 0;
    for (const seat of this.#seats) sum += seat.client.reader.deliveries;
    return sum;
  }

  #answered(): number {
    let sum = 0;
    for (const seat of this.#seats) sum += seat.client.reader.shorts;
    return sum;
  }

  #bytes(): number {
    let sum = 0;
    for (const seat of this.#seats) sum += seat.client.bytes;
    return sum;
  }
}

function tick(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 4);
  });
}
