/**
 * Hand-written parts beside the library that would serve, in one process: `node bench/micro.ts`.
 *
 * The sides take turns, and each turn measures CPU time of the process. A figure is a ratio of the
 * same run, so the load of the machine matters little.
 */
import { createRequire } from 'node:module';
import { Histogram, Registry } from 'prom-client';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { FixedWindow } from '#libs/limits/fixed-window.ts';
import { roomKind } from '#libs/protocol/room-kinds.ts';
import { CommandTimings } from '#libs/redis/command-timings.ts';
import { PushParser } from '#libs/redis/push-parser.ts';
import { Metrics } from '#libs/telemetry/metrics.ts';
import { type Spread, spread } from './measure/stats.ts';

const TURNS = 9;
const TAKES = 200_000;
const KEYS = 10_000;
const MESSAGES = 400_000;
const CHUNK_MESSAGES = 100;
const OBSERVATIONS = 400_000;

/** Microseconds of CPU that a call takes. */
async function cpu(work: () => void | Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** CPU of `library` over that of `ours`, both in turns; the first turn of each warms up. */
async function ratio(ours: () => void | Promise<void>, library: () => void | Promise<void>): Promise<Spread> {
  const ratios: number[] = [];
  for (let turn = 0; turn <= TURNS; turn += 1) {
    const own = await cpu(ours);
    const other = await cpu(library);
    if (turn > 0) ratios.push(other / own);
  }
  return spread(ratios);
}

function fixedWindow(): Promise<Spread> {
  const names = Array.from({ length: KEYS }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
  const key = (take: number): string => names[take % KEYS] ?? '';
  const window = new FixedWindow({ limit: 1_000_000, windowMs: 60_000 });
  const limiter = new RateLimiterMemory({ points: 1_000_000, duration: 60 });
  return ratio(
    () => {
      for (let take = 0; take < TAKES; take += 1) window.take(key(take), performance.now());
    },
    async () => {
      for (let take = 0; take < TAKES; take += 1) await limiter.consume(key(take));
    },
  );
}

/** The part of ioredis's decoder that is called here: the package has no types for it. */
interface Decoder {
  write(bytes: Buffer): void;
}

function pushParser(): Promise<Spread> {
  const require = createRequire(import.meta.url);
  const { Decoder } = require('ioredis/built/resp/decoder') as { Decoder: new (options: object) => Decoder };
  const payload = 'x'.repeat(200);
  const message = `*3\r\n$7\r\nmessage\r\n$10\r\nparley:r:a\r\n$${payload.length}\r\n${payload}\r\n`;
  const chunk = Buffer.from(message.repeat(CHUNK_MESSAGES));
  let seen = 0;
  const count = (): void => {
    seen += 1;
  };
  const ours = new PushParser({ message: count, reply: count });
  // Bulk strings as buffers, as ioredis's `messageBuffer` needs them.
  const mapping = { 36: Buffer };
  const library = new Decoder({ getTypeMapping: () => mapping, onReply: count, onErrorReply: count, onPush: count });
  const feed = (parser: Decoder) => (): void => {
    seen = 0;
    for (let sent = 0; sent < MESSAGES; sent += CHUNK_MESSAGES) parser.write(chunk);
    if (seen !== MESSAGES) throw new Error(`${seen} messages came of ${MESSAGES}`);
  };
  return ratio(feed(ours), feed(library));
}

/** A histogram of two labels, as the time to `ack` has it. */
function histogram(): Promise<Spread> {
  const metrics = new Metrics({ version: 'bench' });
  const { acks } = metrics.hub;
  metrics.close();
  const library = new Histogram({ name: 'bench', help: 'bench', labelNames: ['retention', 'room_kind'], registers: [new Registry()] });
  const seconds = (observation: number): number => (observation % 100) / 10_000;
  return ratio(
    () => {
      for (let seen = 0; seen < OBSERVATIONS; seen += 1) acks.history.park?.record(seconds(seen));
    },
    () => {
      for (let seen = 0; seen < OBSERVATIONS; seen += 1) library.observe({ retention: 'history', room_kind: 'park' }, seconds(seen));
    },
  );
}

/** What the measurements of one message cost: its time to `ack`, its delivery, one command. */
async function measuredMessage(): Promise<Spread> {
  const metrics = new Metrics({ version: 'bench' });
  const { acks, delivery } = metrics.hub;
  const timing = metrics.redis.timing('publish');
  metrics.close();
  const commands = new CommandTimings();
  const turns: number[] = [];
  for (let turn = 0; turn <= TURNS; turn += 1) {
    const spent = await cpu(() => {
      for (let seen = 0; seen < OBSERVATIONS; seen += 1) {
        const since = performance.now();
        commands.sent(timing);
        commands.settled();
        delivery[roomKind('park')].record((Date.now() - 1_700_000_000_000) / 1e9);
        acks.history[roomKind('park')]?.record((performance.now() - since) / 1000);
      }
    });
    if (turn > 0) turns.push((spent * 1000) / OBSERVATIONS);
  }
  return spread(turns);
}

const { median: nanoseconds, min: least, max: most } = await measuredMessage();
console.log(`what is measured of a message: ${nanoseconds.toFixed(0)} ns of CPU (${least.toFixed(0)}-${most.toFixed(0)})`);

for (const [name, measured] of Object.entries({ 'fixed window': fixedWindow, 'RESP reader': pushParser, histogram })) {
  const { median, min, max, runs } = await measured();
  console.log(`${name}: the library takes ${median.toFixed(2)} x the CPU (${min.toFixed(2)}-${max.toFixed(2)}, ${runs} turns)`);
}
