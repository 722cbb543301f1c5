import { beforeEach } from 'vitest';

import { ChatClient, type ChatClientOptions } from './chat-client.ts';
import { GatewayProcess } from './gateway-process.ts';
import { PostgresDatabase } from './postgres.ts';
import { RefusedError } from './raw-client.ts';
import { RedisCluster } from './redis-cluster.ts';
import { RedisSentinel } from './redis-sentinel.ts';
import { RedisServer } from './redis-server.ts';
import { StayingClient } from './staying-client.ts';
import { until } from './wait.ts';

/** Options of `TestHub`. */
export interface TestHubOptions {
  readonly gateways?: number;
  /** Settings of every gateway. */
  readonly env?: Readonly<Record<string, string>>;
  /** The URL of a proxy in front of Redis, if the gateways use one. */
  readonly redisUrl?: string;
}

interface Backend {
  readonly url: string;
  stop(): Promise<void>;
}

/** High limits, for tests that are not about limits. */
const ROOMY = {
  HANDSHAKES_PER_MINUTE: '0',
  CONNECTIONS_PER_USER: '0',
  FRAME_RATE: '0',
  CONNECTIONS_PER_ADDRESS: '0',
  NEW_ROOMS_PER_MINUTE: '0',
  PINGS_PER_SECOND: '0',
  USER_BYTES_PER_SECOND: '0',
  DATA_MAX_BYTES: '16384',
  HISTORY_PAGES_PER_SECOND: '0',
};

/**
 * For gateways whose memory is measured. By default V8's young generation may grow to 48 MB before
 * it is collected, whatever the hub keeps.
 */
export const SMALL_YOUNG_HEAP = { NODE_OPTIONS: '--max-semi-space-size=4' };

/**
 * Several real gateways on one real Redis and a database of their own, and the clients of each
 * test.
 */
export class TestHub<B extends Backend> {
  readonly backend: B;
  readonly database: PostgresDatabase;
  readonly gateways: GatewayProcess[] = [];
  readonly #env: Readonly<Record<string, string>>;
  readonly #clients = new Set<ChatClient>();
  readonly #staying = new Set<StayingClient>();
  #serial = 0;

  private constructor(backend: B, database: PostgresDatabase, env: Readonly<Record<string, string>>) {
    this.backend = backend;
    this.database = database;
    this.#env = env;
  }

  static async start<B extends Backend>(backend: B, options: TestHubOptions = {}): Promise<TestHub<B>> {
    const database = await PostgresDatabase.create();
    const settings = { REDIS_URL: options.redisUrl ?? backend.url, DATABASE_URL: database.url };
    const hub = new TestHub(backend, database, { ...settings, ...ROOMY, ...options.env });
    try {
      await Promise.all(Array.from({ length: options.gateways ?? 2 }, () => hub.add()));
      return hub;
    } catch (error) {
      await hub.stop();
      throw error;
    }
  }

  static async single(options: TestHubOptions = {}): Promise<TestHub<RedisServer>> {
    return await TestHub.start(await RedisServer.start(), options);
  }

  static async sentinel(options: TestHubOptions = {}): Promise<TestHub<RedisSentinel>> {
    return await TestHub.start(await RedisSentinel.start(), options);
  }

  static async cluster(options: TestHubOptions = {}): Promise<TestHub<RedisCluster>> {
    return await TestHub.start(await RedisCluster.start(), options);
  }

  /** The settings of every gateway. */
  get settings(): Readonly<Record<string, string>> {
    return this.#env;
  }

  /** Starts one more gateway. `command`: the program of another version. */
  async add(env: Readonly<Record<string, string>> = {}, command?: readonly string[]): Promise<GatewayProcess> {
    const gateway = await GatewayProcess.start({ ...this.#env, ...env }, command);
    this.gateways.push(gateway);
    return gateway;
  }

  gateway(index: number): GatewayProcess {
    const gateway = this.gateways[index];
    if (gateway === undefined) throw new RangeError(`no gateway ${index}`);
    return gateway;
  }

  /** The running gateways. */
  get living(): GatewayProcess[] {
    return this.gateways.filter((gateway) => !gateway.ended);
  }

  /** Connects a user to the gateway of this index when it serves. The client ends with the test. */
  async client(user: string, gateway = 0, options: ChatClientOptions = {}): Promise<ChatClient> {
    const client = await comeIn(this.gateway(gateway).url, user, options);
    this.#clients.add(client);
    return client;
  }

  /**
   * Connects a client that stays connected, to the gateway of this index or to `url`. It ends with
   * the test.
   */
  async staying(user: string, gateway = 0, url: () => string = () => this.gateway(gateway).url): Promise<StayingClient> {
    const client = new StayingClient({ user, url });
    this.#staying.add(client);
    await client.until('status', () => client.connected, 60_000);
    return client;
  }

  /** Returns an unused name of a room or user. */
  name(prefix: string): string {
    this.#serial += 1;
    return `${prefix}-${this.#serial}`;
  }

  /**
   * Ends every client and waits until the hub knows that nobody is online, but those whom the test
   * keeps.
   */
  async clear(kept = 0): Promise<void> {
    const clients = [...this.#clients, ...this.#staying];
    this.#clients.clear();
    this.#staying.clear();
    await Promise.all(clients.map((client) => client.close()));
    const [first] = this.living;
    if (first === undefined || clients.length === 0) return;
    const probe = await comeIn(first.url, 'probe-of-clear', { record: false });
    try {
      await until(async () => (await probe.onLineNumber()) === kept + 1, {
        timeoutMs: 30_000,
        describe: `nobody online but the probe and ${kept} others`,
      });
    } finally {
      await probe.close();
    }
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.reset();
    for (const { client } of this.#staying) client.close();
    await Promise.all(this.gateways.map((gateway) => gateway.kill9()));
    await this.backend.stop();
    await this.database.drop();
  }

  /** Prints the end of each gateway's log. */
  printLogs(): void {
    for (const gateway of this.gateways) {
      console.error(`--- gateway ${gateway.node}, pid ${gateway.pid}\n${gateway.output.slice(-3000)}`);
    }
  }

  /** Prints the logs for each test of the file that fails. Call it at the top of the file. */
  static showLogs(hub: () => TestHub<Backend> | undefined): void {
    beforeEach(({ onTestFailed }) => {
      onTestFailed(() => hub()?.printLogs());
    });
  }
}

/**
 * Connects as clients do: a gateway whose backend was away a moment ago answers 503, and the client
 * retries. Other refusals reject.
 */
function comeIn(url: string, user: string, options: ChatClientOptions): Promise<ChatClient> {
  let refusal: unknown;
  const attempt = (): Promise<{ readonly client: ChatClient } | { readonly error: unknown } | undefined> =>
    ChatClient.connect(url, user, options).then(
      (client) => ({ client }),
      (error: unknown) => {
        refusal = error;
        return error instanceof RefusedError && error.response.status === 503 ? undefined : { error };
      },
    );
  return until(attempt, { timeoutMs: 60_000, describe: () => `${user} is in: ${refusal}` }).then((outcome) => {
    if ('error' in outcome) throw outcome.error;
    return outcome.client;
  });
}
