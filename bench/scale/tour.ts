import { setTimeout as delay } from 'node:timers/promises';
import { Crowds } from './crowds.ts';
import { audienceOf, deliveriesOf, type Point, relaysOf, type Tour, trafficOf } from './grid.ts';
import { beyond, kernelBytes, read, since, type Used } from './meter.ts';
import type { Figures, Measured } from './results.ts';
import { ScaleHub } from './scale-hub.ts';

const IDLE_MS = 2_500;
const QUICK_IDLE_MS = 1_000;
/** Fewer new connections say nothing about memory: the rest of a process changes by as much. */
const MEMORY_LEAST = 2_000;
/** Presence scripts, as `parley_redis_command_seconds` names them. */
const PRESENCE = ['claim', 'connect', 'disconnect', 'enter', 'leave', 'recount', 'room', 'tombstone'] as const;

/** How a tour is run. */
export interface TourPace {
  readonly quick: boolean;
  readonly say: (line: string) => void;
  /** Takes each point once it is measured. */
  readonly take: (measured: Measured) => void;
  /** Whether there is time for one more point. */
  readonly goOn: () => boolean;
}

/** Measures the points of a tour: the same servers with more and more connections. */
export async function runTour(tour: Tour, pace: TourPace): Promise<void> {
  const hub = await ScaleHub.start(tour.nodes);
  const crowds = new Crowds(tour.shape, hub.ports);
  try {
    let memory = await hub.memory();
    let size = 0;
    for (const connections of tour.connections) {
      if (!pace.goOn()) return;
      const point: Point = { nodes: tour.nodes, shape: tour.shape, connections };
      const { figures, anonymous } = await measure(hub, crowds, point, { size, memory, pace });
      // A death takes long with many connections. A run that is stopped in it keeps these figures.
      pace.take({ ...point, figures });
      const dead = tour.nodes === 1 ? null : await death(hub, crowds, point);
      if (dead !== null) pace.take({ ...point, figures: { ...figures, death: dead.figures } });
      [size, memory] = [connections, anonymous];
      if (dead !== null && connections !== tour.connections.at(-1) && pace.goOn()) await heal(hub, crowds, dead.node);
    }
  } finally {
    await crowds.stop();
    await hub.stop();
  }
}

/** The quieter one of two stretches: what happens twice a minute, as a look at Redis, says nothing about both. */
async function idleTime(hub: ScaleHub, ms: number): Promise<Used> {
  const stretches: Used[] = [];
  for (let stretch = 0; stretch < 2; stretch += 1) {
    const before = await read(hub);
    await delay(ms);
    stretches.push(since(before, await read(hub)));
  }
  const [first, second] = stretches;
  if (first === undefined || second === undefined) throw new RangeError('no idle time');
  return first.redisCalls / first.seconds < second.redisCalls / second.seconds ? first : second;
}

interface Before {
  /** Connections that were there already. */
  readonly size: number;
  /** Anonymous memory of the gateways with them, bytes. */
  readonly memory: number;
  readonly pace: TourPace;
}

async function measure(
  hub: ScaleHub,
  crowds: Crowds,
  point: Point,
  { size, memory, pace }: Before,
): Promise<{ readonly figures: Figures; readonly anonymous: number }> {
  const { connections, nodes } = point;
  const audience = audienceOf(point);
  const begin = await crowds.grow(connections);
  const more = connections - size;
  const kernelBefore = kernelBytes();
  const beforeConnect = await read(hub);
  const retried = (await begin()).length;
  await hub.quiet();
  const connected = since(beforeConnect, await read(hub));
  const kernel = kernelBytes() - kernelBefore;
  const anonymous = await hub.memory();
  pace.say(`${connections} connections after ${connected.seconds.toFixed(0)} s`);

  const idle = await idleTime(hub, pace.quick ? QUICK_IDLE_MS : IDLE_MS);
  const connect = beyond(connected, idle);

  const traffic = trafficOf(point, pace.quick ? 0.25 : 1);
  const beforeTalk = await read(hub);
  const { expected, received, loadMicros } = await crowds.publish(point, traffic);
  const talk = beyond(since(beforeTalk, await read(hub)), idle);
  const messages = traffic.hall + traffic.small;
  const relays = relaysOf(point, traffic);

  const { channels } = await hub.known();
  const beforeRestart = await read(hub);
  await hub.restartRedis();
  const rejoinSeconds = await hub.whole(point, channels);
  const afterRestart = await read(hub);
  const check = await crowds.publish(point, trafficOf(point, 1 / 16));
  return {
    anonymous,
    figures: {
      connect: { ...eachOf(connect, more), presence: presenceOf(connect) / more, retried },
      memory: more < MEMORY_LEAST ? null : { eachBytes: (anonymous - memory) / more, kernelBytes: kernel / more },
      idle: {
        gatewayMicrosEachConnection: idle.gatewayMicros / idle.seconds / connections,
        redisCallsEachNode: idle.redisCalls / idle.seconds / nodes,
        redisBytesEachNode: (idle.redisInBytes + idle.redisOutBytes) / idle.seconds / nodes,
        commands: perSecond(idle),
      },
      talk: {
        messages,
        deliveries: deliveriesOf(point, traffic),
        relays,
        seconds: talk.seconds,
        lost: expected - received,
        gatewayMicrosEachDelivery: talk.gatewayMicros / expected,
        loadMicrosEachDelivery: loadMicros / expected,
        gatewayMicrosEachMessage: talk.gatewayMicros / messages,
        redisMicrosEachMessage: talk.redisMicros / messages,
        redisCallsEachMessage: talk.redisCalls / messages,
        redisInBytesEachMessage: talk.redisInBytes / messages,
        redisOutBytesEachRelay: talk.redisOutBytes / relays,
      },
      restart: {
        seconds: rejoinSeconds ?? null,
        // Redis begins at 0: these are all since it is back.
        redisCallsEach: afterRestart.redisCalls / (connections + audience.memberships),
        redisBytesEach: (afterRestart.redisInBytes + afterRestart.redisOutBytes) / (connections + audience.memberships),
        gatewayMicrosEach: (afterRestart.gatewayMicros - beforeRestart.gatewayMicros) / connections,
        lostAfter: check.expected - check.received,
      },
      death: null,
    },
  };
}

/** A gateway dies, and its people come back to the others. */
async function death(
  hub: ScaleHub,
  crowds: Crowds,
  point: Point,
): Promise<{ readonly node: number; readonly figures: NonNullable<Figures['death']> }> {
  const node = point.nodes - 1;
  const port = hub.ports[node] ?? 0;
  const started = performance.now();
  const back = crowds.comeBack(port);
  await hub.kill(node);
  const connections = await back;
  const backSeconds = (performance.now() - started) / 1000;
  const rest = await hub.whole(point, 0);
  return { node, figures: { connections, backSeconds, goneSeconds: rest === undefined ? null : backSeconds + rest } };
}

/** Another gateway takes the place of the dead one, and its people. */
async function heal(hub: ScaleHub, crowds: Crowds, node: number): Promise<void> {
  await crowds.goHome(node, await hub.replace(node));
  await hub.quiet();
}

function eachOf(used: Used, count: number) {
  return {
    seconds: used.seconds,
    gatewayMicros: used.gatewayMicros / count,
    redisMicros: used.redisMicros / count,
    redisCalls: used.redisCalls / count,
    redisBytes: (used.redisInBytes + used.redisOutBytes) / count,
    statements: Object.values(used.statements).reduce((sum, one) => sum + one, 0) / count,
    commands: Object.fromEntries(Object.entries(used.commands).map(([name, calls]) => [name, Math.round((calls / count) * 1000) / 1000])),
  };
}

function presenceOf({ commands }: Used): number {
  return PRESENCE.reduce((sum, name) => sum + (commands[name] ?? 0), 0);
}

function perSecond({ commands, seconds }: Used) {
  return Object.fromEntries(Object.entries(commands).map(([name, count]) => [name, Math.round((count / seconds) * 100) / 100]));
}
