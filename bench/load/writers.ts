import { quantile } from '#bench/measure/stats.ts';
import { dialectOf } from './dialects.ts';
import { LoadClient } from './load-client.ts';
import { MessageFrame, readId } from './message-frame.ts';
import { LATE_MS, type Seating, type Writing, type Written } from './plan.ts';
import { signToken } from './token.ts';

/** Handshakes under way at a time. */
const CONCURRENCY = 32;
/** How long the last acks may take. */
const DRAIN_MS = 30_000;
/** How long a writer rests after an error. */
const REST_MS = 200;
const ACK = Buffer.from('{"type":"ack"');
const ERROR = Buffer.from('{"type":"error"');
/**
 * An id is the time of its message in microseconds, and a count that distinguishes ids of one
 * microsecond.
 */
const PER_MICRO = 1_000;

const PARLEY = dialectOf('parley');

interface Writer {
  readonly client: LoadClient;
  readonly frame: MessageFrame;
}

/** Members of rooms that keep history. They write and wait for their acks. */
export class Writers {
  readonly #writers: Writer[] = [];
  #latencies: number[] = [];
  #count = 0;
  #pending = 0;
  #failed = 0;
  #error = '';
  #going = false;
  #measuring = false;
  /** When the last late ack came, of `performance.now()`. */
  #lateAt = 0;

  private constructor({ ports, secret, rooms }: Seating) {
    for (const { room, users } of rooms) {
      for (const [i, user] of users.entries()) {
        const place = { room, user, token: signToken(secret, user, Date.now()) };
        const writer: Writer = {
          client: new LoadClient({
            port: ports[i % ports.length] ?? 0,
            dialect: PARLEY,
            place,
            every: true,
            lazy: false,
            whole: true,
            sink: (chunk, start, length) => this.#read(writer, chunk, start, length),
          }),
          frame: new MessageFrame((text, id) => PARLEY.message(text, id, place)),
        };
        this.#writers.push(writer);
      }
    }
  }

  /** Connects them all. @throws Error if one is refused. */
  static async seat(seating: Seating): Promise<Writers> {
    const seated = new Writers(seating);
    const queue = [...seated.#writers];
    const lane = async () => {
      for (let writer = queue.pop(); writer !== undefined; writer = queue.pop()) await writer.client.open();
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, lane));
    return seated;
  }

  /** Writes for a while, then waits for the last acks. */
  async write({ inFlight, rate, warmSeconds, seconds }: Writing): Promise<Written> {
    this.#latencies = [];
    this.#failed = 0;
    this.#error = '';
    this.#lateAt = 0;
    this.#going = rate === undefined;
    const paced = rate === undefined ? undefined : this.#pace(rate);
    for (let i = 0; i < inFlight && rate === undefined; i++) {
      const writer = this.#writers[i % this.#writers.length];
      if (writer !== undefined) this.#say(writer);
    }
    await pause(warmSeconds * 1000);
    const cpu = process.cpuUsage();
    const started = performance.now();
    this.#measuring = true;
    await pause(seconds * 1000);
    this.#measuring = false;
    this.#going = false;
    clearInterval(paced);
    const took = (performance.now() - started) / 1000;
    const used = process.cpuUsage(cpu);
    const sorted = Float64Array.from(this.#latencies).sort();
    const deadline = performance.now() + DRAIN_MS;
    while (this.#pending > 0 && performance.now() < deadline) await pause(5);
    const failed = this.#failed + this.#pending;
    this.#pending = 0;
    return {
      acked: sorted.length,
      failed,
      error: this.#error,
      seconds: took,
      p50: quantile(sorted, 0.5),
      p99: quantile(sorted, 0.99),
      lateUntil: Math.max(0, this.#lateAt - started) / 1000,
      closed: this.#writers.reduce((sum, { client }) => sum + (client.broken ? 1 : 0), 0),
      cpuMicros: used.user + used.system,
    };
  }

  /** Sends what is due every millisecond. */
  #pace(rate: number): NodeJS.Timeout {
    const started = performance.now();
    let sent = 0;
    return setInterval(() => {
      for (let due = Math.floor(((performance.now() - started) / 1000) * rate); sent < due; sent++) {
        const writer = this.#writers[sent % this.#writers.length];
        if (writer !== undefined) this.#say(writer, started + (sent / rate) * 1000);
      }
    }, 1);
  }

  #say({ client, frame }: Writer, at = performance.now()): void {
    const micros = at * 1000;
    this.#count = (this.#count + 1) % PER_MICRO;
    this.#pending += 1;
    client.send(frame.stamped(micros, Math.floor(micros) * PER_MICRO + this.#count));
  }

  #read(writer: Writer, chunk: Buffer, start: number, length: number): void {
    const acked = begins(chunk, start, length, ACK);
    if (!acked && !begins(chunk, start, length, ERROR)) return;
    this.#pending -= 1;
    if (!acked) {
      this.#failed += 1;
      this.#error ||= chunk.toString('utf8', start, start + length);
      if (this.#going) setTimeout(() => this.#next(writer), REST_MS);
      return;
    }
    if (this.#measuring) {
      const now = performance.now();
      const ms = now - readId(chunk, start, length) / PER_MICRO / 1000;
      this.#latencies.push(ms);
      if (ms > LATE_MS) this.#lateAt = now;
    }
    this.#next(writer);
  }

  #next(writer: Writer): void {
    if (this.#going) this.#say(writer);
  }
}

function begins(chunk: Buffer, start: number, length: number, head: Buffer): boolean {
  return length >= head.length && chunk.compare(head, 0, head.length, start, start + head.length) === 0;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
