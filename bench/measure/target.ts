import type { Plan } from '#bench/load/plan.ts';
import { startNats, startNchan, startSoketi } from './peer-programs.ts';
import { kernelMemory, memoryOf, type ProcessMemory } from './proc.ts';
import { PinnedProcess, PROBED, SERVER_CORE } from './process.ts';

/** One or more server processes to measure. */
export interface Target {
  readonly name: string;
  readonly dialect: Plan['dialect'];
  readonly ports: readonly number[];
  readonly secret: string | null;
  readonly servers: readonly PinnedProcess[];
}

/** The kinds of servers the bench knows. */
export type TargetKind =
  | 'bare'
  | 'pair'
  | 'ws'
  | 'socket-io'
  | 'socket-io-redis'
  | 'socket-io-streams'
  | 'nchan'
  | 'nchan-redis'
  | 'nats'
  | 'nats-cluster'
  | 'soketi'
  | 'soketi-redis'
  | 'parley-memory'
  | 'parley-redis-one'
  | 'parley-redis'
  | 'one-insert'
  | 'bare-api'
  | 'parley-api';

/** The kinds that need a Redis, and those that need a database. */
export const NEEDS = {
  redis: new Set<TargetKind>([
    'pair',
    'socket-io-redis',
    'socket-io-streams',
    'nchan-redis',
    'soketi-redis',
    'parley-redis-one',
    'parley-redis',
    'one-insert',
    'bare-api',
    'parley-api',
  ]),
  database: new Set<TargetKind>(['parley-memory', 'parley-redis-one', 'parley-redis', 'one-insert', 'bare-api', 'parley-api']),
};

/** What the servers of a target get. Empty if the kind needs none of it. */
export interface Backends {
  readonly redisUrl: string;
  readonly databaseUrl: string;
}

/** The key of a service for the API. */
export const SERVICE_KEY = 'bench-service-key-bench-service-key-bench';
const SECRET = 'bench-secret-bench-secret-bench-secret-bench';
/** The same for all: bytes that may wait for one socket. */
const MAX_BACKPRESSURE = String(1024 * 1024);
/** Limits against abuse are off: the bench measures the path of a frame. */
const PARLEY_ENV = {
  PORT: '0',
  ADMIN_PORT: '0',
  JWT_SECRET: SECRET,
  OPEN_ROOMS: 'on',
  LOG_LEVEL: 'info',
  MESSAGE_MAX_CHARS: '2048',
  API_KEYS: `bench:${SERVICE_KEY}`,
  FRAME_RATE: '0',
  FRAME_BURST: '1000000',
  USER_BYTES_PER_SECOND: '0',
  CONNECTIONS_PER_ADDRESS: '0',
  NEW_ROOMS_PER_MINUTE: '0',
  HANDSHAKES_PER_MINUTE: '0',
  CONNECTIONS_PER_USER: '1000000',
} as const;

/** Starts the servers of a kind, each on the servers' core. */
export async function startTarget(kind: TargetKind, { redisUrl, databaseUrl }: Backends): Promise<Target> {
  const parley = { dialect: 'parley', secret: SECRET } as const;
  const peer = { dialect: 'bare', secret: null } as const;
  const socketIo = { dialect: 'socket-io', secret: null } as const;
  const stored = { ...PARLEY_ENV, DATABASE_URL: databaseUrl } as const;
  const env = { ...stored, REDIS_URL: redisUrl } as const;
  switch (kind) {
    case 'bare':
      return launch(kind, peer, [['bench/peers/bare-uws.ts', MAX_BACKPRESSURE]], {});
    case 'pair':
      return launch(kind, peer, twice(['bench/peers/pair-uws.ts', redisUrl, MAX_BACKPRESSURE]), {});
    case 'ws':
      return launch(kind, peer, [['bench/peers/ws-loop.ts']], {});
    case 'socket-io':
      return launch(kind, socketIo, [['bench/peers/socket-io-server.ts']], {});
    case 'socket-io-redis':
      return launch(kind, socketIo, twice(['bench/peers/socket-io-server.ts', 'redis', redisUrl]), {});
    case 'socket-io-streams':
      return launch(kind, socketIo, twice(['bench/peers/socket-io-server.ts', 'streams', redisUrl]), {});
    case 'nchan':
      return { name: kind, dialect: 'nchan', secret: null, ...(await startNchan(1)) };
    case 'nchan-redis':
      return { name: kind, dialect: 'nchan', secret: null, ...(await startNchan(2, redisUrl)) };
    case 'nats':
      return { name: kind, dialect: 'nats', secret: null, ...(await startNats(1)) };
    case 'nats-cluster':
      return { name: kind, dialect: 'nats', secret: null, ...(await startNats(2)) };
    case 'soketi':
      return { name: kind, dialect: 'pusher', secret: null, ...(await startSoketi(1)) };
    case 'soketi-redis':
      return { name: kind, dialect: 'pusher', secret: null, ...(await startSoketi(2, redisUrl)) };
    case 'parley-memory':
      return launch(kind, parley, [['services/all-in-one/main.ts']], stored);
    case 'parley-redis-one':
      return launch(kind, parley, [['services/gateway/main.ts']], env);
    case 'parley-redis':
      return launch(kind, parley, twice(['services/gateway/main.ts']), env);
    case 'one-insert':
      return launch(kind, parley, twice(['bench/peers/one-insert-gateway.ts']), env);
    case 'bare-api':
      return launch(kind, parley, [['bench/peers/bare-api.ts', redisUrl, databaseUrl, SECRET]], {});
    case 'parley-api':
      // The load gives the addresses, so the limits by address count and are never reached.
      return launch(kind, parley, [['services/api/main.ts']], { ...env, TRUSTED_PROXY_HOPS: '1' });
  }
}

/** A gateway that accepts connections. */
export interface GatewayTarget {
  readonly server: PinnedProcess;
  readonly port: number;
  readonly adminPort: number;
}

/** The secret of every Parley that the bench starts. */
export const PARLEY_SECRET = SECRET;

/** Starts one more gateway over a Redis and a database, on a core. `more`: settings beside its own. */
export async function startGateway(
  name: string,
  { redisUrl, databaseUrl }: Backends,
  core = SERVER_CORE,
  more: Readonly<Record<string, string>> = {},
): Promise<GatewayTarget> {
  const env = { ...PARLEY_ENV, ...more, REDIS_URL: redisUrl, DATABASE_URL: databaseUrl };
  const server = PinnedProcess.node(name, core, [...PROBED, 'services/gateway/main.ts'], env);
  return { server, ...(await server.line(listening)) };
}

function twice<T>(command: T): T[] {
  return [command, command];
}

async function launch(
  name: string,
  how: Pick<Target, 'dialect' | 'secret'>,
  commands: readonly (readonly string[])[],
  env: Readonly<Record<string, string>>,
): Promise<Target> {
  const servers: PinnedProcess[] = [];
  const ports: number[] = [];
  for (const command of commands) {
    const server = PinnedProcess.node(`server ${servers.length + 1}`, SERVER_CORE, [...PROBED, ...command], env);
    servers.push(server);
    ports.push(await server.line(listeningPort));
  }
  return { name, ...how, ports, servers };
}

function listeningPort(line: string): number | undefined {
  return listening(line)?.port;
}

function listening(line: string): { readonly port: number; readonly adminPort: number } | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const entry: unknown = JSON.parse(line);
    if (typeof entry !== 'object' || entry === null || !('msg' in entry) || entry.msg !== 'listening' || !('port' in entry))
      return undefined;
    const adminPort = 'adminPort' in entry && typeof entry.adminPort === 'number' ? entry.adminPort : 0;
    return typeof entry.port === 'number' ? { port: entry.port, adminPort } : undefined;
  } catch {
    return undefined;
  }
}

/** Memory of all servers of a target after a full collection, and of the kernel's sockets. */
export interface Memory extends ProcessMemory {
  /** V8's used heap and its external memory, bytes. */
  readonly heap: number;
  /** Of the whole machine, both ends of each connection, bytes. */
  readonly kernel: number;
}

export async function memoryNow(target: Target): Promise<Memory> {
  const heap = (await Promise.all(target.servers.map((server) => server.heap()))).reduce((sum, one) => sum + one, 0);
  const each = target.servers.map((server) => memoryOf(server.pid));
  const sum = (take: (memory: ProcessMemory) => number) => each.reduce((all, one) => all + take(one), 0);
  return { heap, kernel: kernelMemory(), resident: sum((one) => one.resident), anonymous: sum((one) => one.anonymous) };
}

/** Ends all servers of the target. */
export async function stopTarget(target: Target): Promise<void> {
  await Promise.all(target.servers.map((server) => server.stop()));
}
