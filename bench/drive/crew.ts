import { setTimeout as delay } from 'node:timers/promises';
import { signToken } from '#bench/load/token.ts';
import { Agent, Customer } from './conversation.ts';
import type { Part, Settled } from './orders.ts';
import { type Crew, type Entrance, type Member, Person } from './person.ts';
import { Random } from './random.ts';
import type { Published } from './receipts.ts';
import { type Interval, Samples } from './samples.ts';
import { type Seat, type Seating, seatingOf } from './seats.ts';
import { nowMicros } from './stamp.ts';

/** Tokens outlive a long soak: a week. */
const TOKEN_SECONDS = 604_800;
/** How often due messages leave, milliseconds. */
const TICK_MS = 2;
/** How long the last answers and deliveries may take after the last message, milliseconds. */
const DRAIN_MS = 15_000;
const DRAIN_POLL_MS = 50;
/** A second without a delivery is the end of them. */
const QUIET_POLLS = 20;

/** All persons of one worker. */
export class WorkerCrew implements Crew {
  readonly samples = new Samples();
  readonly scenario: Part['scenario'];
  readonly random: Random;
  readonly clockOffset: number;
  readonly #part: Part;
  readonly #seating: Seating;
  readonly #persons: Member[] = [];
  readonly #writers: Member[];
  readonly #timers = new Set<NodeJS.Timeout>();
  #talking: NodeJS.Timeout | undefined;

  constructor(part: Part) {
    this.#part = part;
    this.scenario = part.scenario;
    this.clockOffset = part.clockOffset;
    this.random = new Random(part.worker + 1);
    this.#seating = seatingOf(part.scenario);
    for (let number = part.worker; number < this.#seating.seats.length; number += part.workers) {
      const seat = this.#seating.seats[number];
      const target = part.targets[number % part.targets.length];
      if (seat === undefined || target === undefined) continue;
      const from = part.from.length === 0 ? undefined : part.from[number % part.from.length];
      this.#persons.push(this.#member(seat, { target, token: this.#token(seat), from }));
    }
    this.#writers = this.#persons.filter(({ seat }) => seat.writer >= 0);
  }

  roomName(room: number): string {
    return `${this.scenario.rooms.keeps === 'live' ? 'live:' : ''}bench-${this.#part.run}-${room}`;
  }

  writersIn(room: number): number {
    return this.#seating.writers[room] ?? 0;
  }

  /** Connects them all, at this worker's part of the ramp, each at its time. */
  async connect(): Promise<void> {
    const { scenario } = this;
    const started = this.#now();
    await Promise.all(
      this.#persons.map(async (person) => {
        const due = started + (person.seat.number / scenario.rampPerSecond) * 1e6;
        await delay(Math.max(0, (due - this.#now()) / 1000));
        await person.come(due);
      }),
    );
  }

  /**
   * Begins to talk, or goes on at another rate. The times of the messages are those of a Poisson
   * process and wait for nothing (an open loop).
   * @param rate messages a second of all workers together.
   */
  talk(rate: number): void {
    const first = this.#talking === undefined;
    clearTimeout(this.#talking);
    if (first) this.#move();
    const all = this.#seating.seats.reduce((sum, { writer }) => sum + (writer >= 0 ? 1 : 0), 0);
    const mine = all === 0 ? 0 : (rate * this.#writers.length) / all;
    if (mine === 0) return;
    let due = this.#now() + this.random.gap(mine) * 1e6;
    let turn = 0;
    const step = (): void => {
      const now = this.#now();
      while (due <= now) {
        const person = this.#writers[turn++ % this.#writers.length];
        this.samples.late((now - due) / 1000);
        if (!person?.say(due)) this.samples.count('unsent');
        due += this.random.gap(mine) * 1e6;
      }
      this.#talking = setTimeout(step, TICK_MS);
    };
    step();
  }

  /** Ends the talk. Resolves once nothing is under way any longer, or after 15 s. */
  async hush(): Promise<void> {
    clearTimeout(this.#talking);
    for (const timer of this.#timers) clearInterval(timer);
    for (const person of this.#persons) if (person.seat.does === 'slow') person.hurry();
    const deadline = performance.now() + DRAIN_MS;
    let quiet = 0;
    let before = -1;
    while (performance.now() < deadline && quiet < QUIET_POLLS) {
      await delay(DRAIN_POLL_MS);
      const delivered = this.#deliveredNow();
      quiet = delivered === before && this.#waiting() === 0 && this.#persons.every(({ here }) => here) ? quiet + 1 : 0;
      before = delivered;
    }
  }

  /** What its writers published, by room. */
  published(): Record<number, Published> {
    const rooms = new Map<number, { sent: number[]; uncertain: [number, number][] }>();
    for (const { room, writer, sent, uncertain } of this.#persons.flatMap((person) => person.published())) {
      const known = rooms.get(room) ?? { sent: [], uncertain: [] };
      known.sent[writer] = sent;
      for (const number of uncertain) known.uncertain.push([writer, number]);
      rooms.set(room, known);
    }
    return Object.fromEntries(rooms);
  }

  /** The ledger of its persons. @param published of all workers together. */
  settle(published: Readonly<Record<number, Published>>): Settled {
    const settled: Settled = { receivers: 0, excused: 0, expected: 0, delivered: 0, lost: 0, duplicated: 0, reordered: 0 };
    let { receivers, excused } = settled;
    for (const person of this.#persons) {
      const ledgers = person.ledgers();
      if (ledgers.length === 0) continue;
      if (!person.steady) {
        excused += 1;
        continue;
      }
      receivers += 1;
      for (const [room, receipts] of ledgers) receipts.settle(published[room] ?? { sent: [], uncertain: [] }, settled);
    }
    return { ...settled, receivers, excused };
  }

  interval(): Interval {
    return this.samples.take(
      this.#persons.reduce((sum, { here }) => sum + (here ? 1 : 0), 0),
      this.#waiting(),
    );
  }

  end(): void {
    clearTimeout(this.#talking);
    for (const timer of this.#timers) clearInterval(timer);
    for (const person of this.#persons) person.end();
  }

  /** Those who go out and in, and those who fall off, begin to. */
  #move(): void {
    const { churn, reconnect } = this.scenario.people;
    for (const person of this.#persons) {
      if (person.seat.does === 'churn' && churn !== undefined)
        this.#each(churn.everySeconds, this.random.next(), () => person.goOutAndIn());
      if (person.seat.does === 'reconnect' && reconnect !== undefined)
        this.#each(reconnect.everySeconds, reconnect.atOnce ? 1 : this.random.next(), () => person.fallOff());
    }
  }

  /** @param phase 0 to 1: which part of the time passes before the first. */
  #each(seconds: number, phase: number, act: () => Promise<void>): void {
    const go = (): void => void act().catch((error: unknown) => this.samples.error(`worker ${String(error)}`));
    const first = setTimeout(
      () => {
        this.#timers.delete(first);
        this.#timers.add(setInterval(go, seconds * 1000));
        go();
      },
      seconds * 1000 * phase,
    );
    this.#timers.add(first);
  }

  #deliveredNow(): number {
    return this.#persons.reduce((sum, { delivered }) => sum + delivered, 0);
  }

  #waiting(): number {
    return this.#persons.reduce((sum, { pending }) => sum + pending, 0);
  }

  #now(): number {
    return nowMicros() + this.clockOffset;
  }

  #member(seat: Seat, entrance: Entrance): Member {
    const { api, run } = this.#part;
    if (seat.does === 'customer') return new Customer(seat, this, { ...entrance, api });
    if (seat.does !== 'agent') return new Person(seat, this, entrance);
    const prefix = `bench-${run}-`;
    const find = (id: string): Seat | undefined =>
      id.startsWith(prefix) ? this.#seating.seats[Number(id.slice(prefix.length))] : undefined;
    return new Agent(seat, this, { ...entrance, api }, `${prefix}${seat.number}`, find);
  }

  #token({ number, does }: Seat): string {
    const { tokens, run } = this.#part;
    if (tokens.kind === 'list') return tokens.tokens[number % tokens.tokens.length] ?? '';
    const { secret, issuer, audience } = tokens;
    return signToken(secret, `bench-${run}-${number}`, Date.now(), {
      exp: Math.floor(Date.now() / 1000) + TOKEN_SECONDS,
      rooms: [`bench-${run}-*`, `live:bench-${run}-*`],
      ...((does === 'customer' || does === 'agent') && { kind: does }),
      ...(issuer !== undefined && { iss: issuer }),
      ...(audience !== undefined && { aud: audience }),
    });
  }
}
