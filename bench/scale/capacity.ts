/** Turns the results of `bench -- scale` into machines: the tables of docs/capacity.md. */
import { spread } from '#bench/measure/stats.ts';
import type { Shape } from './grid.ts';
import type { Figures, Measured, Results } from './results.ts';

/** What one unit costs: medians of what was measured. CPU in microseconds of one core. */
export interface Units {
  /** A connection, until it is in its room. */
  readonly connect: number;
  /** A connection that does nothing, a second. */
  readonly idle: number;
  /** A delivery, beside the message's own cost. */
  readonly delivery: number;
  /** A message on the node that publishes it. */
  readonly message: number;
  /** A message on each node that has a member of its room. */
  readonly relay: number;
  /** KiB of a connection, in the process and in the kernel. */
  readonly memory: number;
  readonly kernel: number;
  readonly redisConnect: number;
  readonly redisMessage: number;
  /** For each node with a member. */
  readonly redisRelay: number;
  /** KiB that leave Redis, for a message and a node concerned. */
  readonly redisOut: number;
  /** Whether the costs of a relay are not measured: no point has rooms on two nodes. */
  readonly estimated: boolean;
  /** Milliseconds for a connection until all are back after Redis lost everything. */
  readonly rejoin: number;
}

/** What people do. */
interface Habits {
  /** Messages of a person in a second. */
  readonly messages: number;
  /** Members of a room. */
  readonly room: number;
  /** Connects of a person in a second. */
  readonly connects: number;
  /** The share of messages in rooms with history. */
  readonly stored: number;
}

const HABITS: Habits = { messages: 1 / 60, room: 10, connects: 1 / 1800, stored: 0.3 };
/** Connections of a gateway process: `CONNECTIONS_MAX`. */
const CONNECTIONS_MAX = 25_000;
/** How busy a gateway, a Redis and a database may be, so that all answer in time. */
const [GATEWAY_SHARE, REDIS_SHARE] = [0.6, 0.5];
/** Messages a second that a database stores: half of what the bench measured with one core of PostgreSQL, times 16 cores. */
const STORED_MEASURED = 3_855;
const DATABASE = (STORED_MEASURED / 2) * 16;
const GATEWAY_MIB = 110;
const USERS = [10_000, 100_000, 1_000_000, 10_000_000] as const;
/** Points with fewer connections show the fixed cost of a process, not that of a connection. */
const LEAST = 5_000;

/** @throws RangeError if points are missing. */
function unitsOf({ points }: Results): Units {
  const large = points.filter(({ connections }) => connections >= LEAST);
  const median = (values: readonly (number | null | undefined)[]): number =>
    spread(values.filter((value) => value !== null && value !== undefined)).median;
  const of = (from: readonly Measured[], pick: (figures: Figures) => number | null | undefined): number =>
    median(from.map(({ figures }) => pick(figures)));
  const shape = (name: Shape, fits: (nodes: number) => boolean = () => true): readonly Measured[] =>
    large.filter((point) => point.shape === name && fits(point.nodes));
  const delivery = of(shape('one'), ({ talk }) => talk.gatewayMicrosEachDelivery);
  const alone = of(
    shape('many', (nodes) => nodes === 1),
    ({ talk }) => talk.gatewayMicrosEachMessage,
  );
  const estimated = shape('many', (nodes) => nodes === 2).length === 0;
  // Without a point on two nodes, receiving a message is taken to cost as much as publishing it.
  const shared = estimated
    ? alone + Math.max(0, alone - 10 * delivery) / 2
    : of(
        shape('many', (nodes) => nodes === 2),
        ({ talk }) => talk.gatewayMicrosEachMessage,
      );
  const redisAlone = of(
    shape('many', (nodes) => nodes === 1),
    ({ talk }) => talk.redisMicrosEachMessage,
  );
  // And a tenth more of Redis: it writes the same bytes to one more connection.
  const redisShared = estimated
    ? redisAlone * 1.1
    : of(
        shape('many', (nodes) => nodes === 2),
        ({ talk }) => talk.redisMicrosEachMessage,
      );
  // One more node is the difference between rooms of ten on one node and on two.
  const relay = Math.max(0, shared - alone);
  const redisRelay = Math.max(0, redisShared - redisAlone);
  return {
    estimated,
    connect: of(large, ({ connect }) => connect.gatewayMicros),
    idle: of(large, ({ idle }) => idle.gatewayMicrosEachConnection),
    delivery,
    message: Math.max(0, alone - relay - 10 * delivery),
    relay,
    memory: of(large, ({ memory }) => memory && memory.eachBytes / 1024),
    // Both ends of a connection were on one machine.
    kernel: of(large, ({ memory }) => memory && memory.kernelBytes / 1024 / 2),
    redisConnect: of(large, ({ connect }) => connect.redisMicros),
    redisMessage: Math.max(0, redisAlone - redisRelay),
    redisRelay,
    redisOut: of(shape('many'), ({ talk }) => talk.redisOutBytesEachRelay / 1024),
    rejoin: median(large.map(({ connections, figures }) => figures.restart.seconds && (figures.restart.seconds * 1000) / connections)),
  };
}

/** What a number of users needs. */
export interface Plan {
  readonly users: number;
  readonly nodes: number;
  /** Nodes that a message of a room reaches. */
  readonly relays: number;
  readonly gatewayCores: number;
  readonly memoryGib: number;
  readonly redisCores: number;
  readonly shards: number;
  /** MiB a second that leave all shards. */
  readonly redisOut: number;
  readonly stored: number;
  readonly databases: number;
  /** Seconds until all are back after one shard lost everything. */
  readonly rejoin: number;
}

/** Reckons what a number of users needs. Nobody is beside the others of a room by design. */
export function planOf(units: Units, users: number, habits: Habits = HABITS): Plan {
  const messages = users * habits.messages;
  // More nodes spread a room further, which needs more nodes: few rounds settle it.
  let nodes = Math.ceil(users / CONNECTIONS_MAX);
  let [cores, relays] = [0, 1];
  for (let round = 0; round < 20; round += 1) {
    relays = nodes * (1 - (1 - 1 / nodes) ** habits.room);
    cores =
      (users * (units.idle + habits.connects * units.connect) +
        messages * (units.message + relays * units.relay + habits.room * units.delivery)) /
      1e6;
    nodes = Math.max(Math.ceil(users / CONNECTIONS_MAX), Math.ceil(cores / GATEWAY_SHARE), 2);
  }
  const redisCores = (messages * (units.redisMessage + relays * units.redisRelay) + users * habits.connects * units.redisConnect) / 1e6;
  const shards = Math.max(1, Math.ceil(redisCores / REDIS_SHARE));
  const stored = messages * habits.stored;
  return {
    users,
    nodes,
    relays,
    gatewayCores: cores,
    memoryGib: (nodes * GATEWAY_MIB) / 1024 + (users * (units.memory + units.kernel)) / 1024 / 1024,
    redisCores,
    shards,
    redisOut: (messages * relays * units.redisOut) / 1024,
    stored,
    databases: Math.max(1, Math.ceil(stored / DATABASE)),
    rejoin: (users * units.rejoin) / 1000 / shards,
  };
}

const short = (value: number): string => (value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(2))));

/** The two tables of the page. */
export function capacityTables(results: Results): string {
  const units = unitsOf(results);
  const plans = USERS.map((users) => planOf(units, users));
  const [hundred = plans[0]] = plans.filter(({ users }) => users === 100_000);
  if (hundred === undefined) throw new RangeError('no plan');
  const row = (name: string, value: number, unit: string): string => `| ${name} | ${short(value)} ${unit} |`;
  const messages = hundred.users * HABITS.messages;
  return [
    '| what | costs |',
    '|---|---|',
    row('a connection, until it is in its room', units.connect, "us of a gateway's core"),
    row('a connection that does nothing, a second', units.idle, "us of a gateway's core"),
    row('a message, on the node that publishes it', units.message, "us of a gateway's core"),
    row('a message, on each node with a member of its room', units.relay, "us of a gateway's core"),
    row('a delivery', units.delivery, "us of a gateway's core"),
    row('an idle connection, in the process', units.memory, 'KiB'),
    row('an idle connection, in the kernel', units.kernel, 'KiB'),
    row('a connection', units.redisConnect, "us of a Redis's core"),
    row('a message', units.redisMessage, "us of a Redis's core"),
    row('a message, for each node with a member of its room', units.redisRelay, "us of a Redis's core"),
    row('a message, out of Redis to each of these nodes', units.redisOut, 'KiB'),
    row('a connection and its membership, when Redis lost everything', units.rejoin, 'ms'),
    '',
    ...(units.estimated
      ? [
          'No point has rooms on two nodes yet. So what a node with a member costs is estimated: as much as publishing, and a',
          'tenth of the message in Redis.',
          '',
        ]
      : []),
    `With people who write a message each ${1 / HABITS.messages} s in rooms of ${HABITS.room}, connect each ${1 / HABITS.connects / 60} minutes, and keep history of`,
    `${HABITS.stored * 100} % of their messages:`,
    '',
    `| users online | ${plans.map(({ users }) => users.toLocaleString('en')).join(' | ')} |`,
    `|---|${plans.map(() => '---|').join('')}`,
    `| nodes that a message reaches | ${plans.map(({ relays }) => short(relays)).join(' | ')} |`,
    `| cores of the gateways, busy | ${plans.map(({ gatewayCores }) => short(gatewayCores)).join(' | ')} |`,
    `| **gateway processes** (and one more) | ${plans.map(({ nodes }) => `**${short(nodes)}**`).join(' | ')} |`,
    `| memory of the gateways, GiB | ${plans.map(({ memoryGib }) => short(memoryGib)).join(' | ')} |`,
    `| cores of Redis, busy | ${plans.map(({ redisCores }) => short(redisCores)).join(' | ')} |`,
    `| **shards of Redis** | ${plans.map(({ shards }) => `**${short(shards)}**`).join(' | ')} |`,
    `| MiB a second out of Redis | ${plans.map(({ redisOut }) => short(redisOut)).join(' | ')} |`,
    `| messages stored a second | ${plans.map(({ stored }) => short(stored)).join(' | ')} |`,
    `| **databases** (of 16 cores) | ${plans.map(({ databases }) => `**${short(databases)}**`).join(' | ')} |`,
    `| seconds until all are back after Redis lost everything | ${plans.map(({ rejoin }) => short(rejoin)).join(' | ')} |`,
    '',
    `The arithmetic for 100,000: ${short(messages)} messages a second. Ten people on ${hundred.nodes} nodes at random are on`,
    `${hundred.nodes} x (1 - (1 - 1/${hundred.nodes})^${HABITS.room}) = ${short(hundred.relays)} of them.`,
    `Gateways: 100,000 x (${short(units.idle)} + ${short(units.connect)} / ${1 / HABITS.connects}) us + ${short(messages)} x (${short(units.message)} + ${short(hundred.relays)} x ${short(units.relay)} + ${HABITS.room} x ${short(units.delivery)}) us`,
    `= ${short(hundred.gatewayCores)} cores. At ${GATEWAY_SHARE * 100} % each, and ${CONNECTIONS_MAX.toLocaleString('en')} connections at most: ${hundred.nodes} processes.`,
    `Redis: ${short(messages)} x (${short(units.redisMessage)} + ${short(hundred.relays)} x ${short(units.redisRelay)}) us + 100,000 x ${short(units.redisConnect)} us / ${1 / HABITS.connects} = ${short(hundred.redisCores)} cores. At ${REDIS_SHARE * 100} % each: ${hundred.shards}.`,
    `Databases: ${short(messages)} x ${HABITS.stored} = ${short(hundred.stored)} messages a second; one takes ${DATABASE.toLocaleString('en')}: half of the ${STORED_MEASURED.toLocaleString('en')}`,
    'that were measured on one core, times 16.',
  ].join('\n');
}
