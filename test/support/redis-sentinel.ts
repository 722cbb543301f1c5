import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Certificate } from './certificate.ts';
import { Child } from './child.ts';
import { freePort } from './free-port.ts';
import { redisCommand } from './redis-command.ts';
import { RedisServer } from './redis-server.ts';
import { asArguments, tlsSettings } from './redis-tls.ts';
import { makeFolder, removeFolder } from './temp-folder.ts';
import { until } from './wait.ts';

const MASTER_NAME = 'parley';
const DOWN_AFTER_MS = 1000;
const QUORUM = 2;
/**
 * The most milliseconds until another master is in place. A sentinel that stalled decides nothing
 * for a while.
 */
const PROMOTED_MS = 60_000;
/**
 * By default Sentinel checks once a second or less. With these settings a fail-over takes about two
 * seconds.
 */
const PACE = ['info-period', '300', 'ping-period', '200', 'ask-period', '200', 'publish-period', '200'];
/**
 * A sentinel that stalled does not trust its view (TILT): by default after two seconds, and for
 * half a minute without a promotion. Here it does so after a stall that could look like the death
 * of a master, and for one second.
 */
const TILT = ['tilt-trigger', String(DOWN_AFTER_MS / 2), 'tilt-period', '1000'];

interface Known {
  readonly servers: readonly number[];
  readonly sentinels: readonly number[];
}

/** One master, one replica and three sentinels that watch them, all real, on 127.0.0.1. */
export class RedisSentinel {
  readonly servers: readonly RedisServer[];
  readonly sentinelPorts: readonly number[];
  readonly #sentinels: readonly Child[];
  readonly #dir: string;
  /**
   * The ports by which servers and sentinels know each other: those of TLS if there is a
   * certificate.
   */
  readonly #known: Known;

  private constructor(servers: readonly RedisServer[], known: Known, ports: readonly number[], sentinels: readonly Child[], dir: string) {
    this.servers = servers;
    this.sentinelPorts = ports;
    this.#sentinels = sentinels;
    this.#dir = dir;
    this.#known = known;
  }

  /**
   * Starts it. Resolves when the sentinels know each other and the replica is in sync.
   *
   * @param tls With it they use TLS only and call each other `localhost`.
   */
  static async start(tls?: Certificate): Promise<RedisSentinel> {
    const dir = makeFolder('parley-sentinel-');
    const host = tls === undefined ? '127.0.0.1' : 'localhost';
    const tlsPorts = tls === undefined ? [] : await Promise.all(Array.from({ length: 5 }, () => freePort()));
    const [masterTls, replicaTls, ...sentinelTls] = tlsPorts;
    const over = (port: number | undefined) =>
      tls === undefined || port === undefined ? {} : { ...tlsSettings(port, tls), 'tls-replication': 'yes' };
    const announced = (port: number | undefined) =>
      asArguments(port === undefined ? {} : { 'replica-announce-ip': host, 'replica-announce-port': String(port) });
    const serverOf = (port: number | undefined, more: readonly string[]) =>
      RedisServer.start({ args: ['--repl-diskless-sync-delay', '0', ...asArguments(over(port)), ...announced(port), ...more] });
    const master = await serverOf(masterTls, []);
    const replica = await serverOf(replicaTls, ['--replicaof', host, String(masterTls ?? master.port)]);
    const ports = [await freePort(), await freePort(), await freePort()];
    const sentinels = ports.map((port, n) => {
      const file = join(dir, `sentinel-${port}.conf`);
      writeFileSync(
        file,
        [
          `port ${port}`,
          'bind 127.0.0.1',
          `dir ${dir}`,
          ...Object.entries(over(sentinelTls[n])).map(([name, value]) => `${name} ${value}`),
          ...(tls === undefined
            ? []
            : ['sentinel resolve-hostnames yes', 'sentinel announce-hostnames yes', `sentinel announce-ip ${host}`]),
          `sentinel monitor ${MASTER_NAME} ${host} ${masterTls ?? master.port} ${QUORUM}`,
          `sentinel down-after-milliseconds ${MASTER_NAME} ${DOWN_AFTER_MS}`,
          `sentinel failover-timeout ${MASTER_NAME} 5000`,
          '',
        ].join('\n'),
      );
      return new Child('redis-server', [file, '--sentinel']);
    });
    const known = { servers: [masterTls ?? master.port, replicaTls ?? replica.port], sentinels: tls === undefined ? ports : sentinelTls };
    const cluster = new RedisSentinel([master, replica], known, ports, sentinels, dir);
    try {
      await cluster.#ready();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** The URL over TLS, by name. Only with a certificate. */
  get tlsUrl(): string {
    return `rediss+sentinel://${this.#known.sentinels.map((port) => `localhost:${port}`).join(',')}/${MASTER_NAME}`;
  }

  get url(): string {
    return `redis+sentinel://${this.sentinelPorts.map((port) => `127.0.0.1:${port}`).join(',')}/${MASTER_NAME}`;
  }

  /** Returns the server that most sentinels call the master. */
  async master(): Promise<RedisServer> {
    const ports = await Promise.all(this.sentinelPorts.map(masterPort));
    const server = this.servers.find((_, n) => ports.filter((port) => port === this.#known.servers[n]).length >= QUORUM);
    if (server === undefined) throw new Error(`no master agreed on: ${ports.join(' ')}`);
    return server;
  }

  /**
   * Orders a change of master while both servers live. Resolves when the sentinels agree on the new
   * one and it accepts writes.
   */
  async failOver(): Promise<void> {
    const before = await this.master();
    await this.#promoted(before, () => this.#order(before));
  }

  /**
   * Sends SIGKILL to the master. Resolves when the replica has replaced it. The dead one stays dead
   * until its `restart`.
   */
  async killMaster(): Promise<RedisServer> {
    const before = await this.master();
    await before.kill();
    await this.#promoted(before);
    return before;
  }

  async stop(): Promise<void> {
    for (const sentinel of this.#sentinels) sentinel.signal('SIGKILL');
    await Promise.all(this.#sentinels.map((sentinel) => sentinel.exited));
    await Promise.all(this.servers.map((server) => server.stop()));
    removeFolder(this.#dir);
  }

  #port(): number {
    const port = this.sentinelPorts[0];
    if (port === undefined) throw new Error('no sentinel');
    return port;
  }

  /**
   * Orders a fail-over unless one is running or done. Sentinels drop an accepted one if no replica
   * counts as fit, for example after a stall.
   */
  async #order(before: RedisServer): Promise<void> {
    const known = fields(await redisCommand(this.#port(), ['SENTINEL', 'MASTER', MASTER_NAME]));
    if (
      known.get('port') !== String(this.#known.servers[this.servers.indexOf(before)]) ||
      known.get('flags')?.includes('failover_in_progress') === true
    )
      return;
    await redisCommand(this.#port(), ['SENTINEL', 'FAILOVER', MASTER_NAME]);
  }

  async #promoted(before: RedisServer, atEachLook: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    await until(
      async () => {
        await atEachLook();
        const now = await this.master();
        if (now === before) return false;
        const role = await now.command('ROLE');
        return Array.isArray(role) && role[0] === 'master';
      },
      { timeoutMs: PROMOTED_MS, describe: () => `another master than ${before.port}\n${this.#sentinels.map((s) => s.output).join('\n')}` },
    );
  }

  async #ready(): Promise<void> {
    const describe = (): string => `sentinels ready\n${this.#sentinels.map((s) => s.output).join('\n')}`;
    for (const port of this.sentinelPorts) {
      await until(async () => (await redisCommand(port, ['SENTINEL', 'DEBUG', ...PACE, ...TILT])) === 'OK', { describe });
      await until(
        async () => {
          const master = fields(await redisCommand(port, ['SENTINEL', 'MASTER', MASTER_NAME]));
          return master.get('num-other-sentinels') === '2' && master.get('num-slaves') === '1' && master.get('flags') === 'master';
        },
        { timeoutMs: PROMOTED_MS, describe },
      );
    }
    const [master] = this.servers;
    await until(async () => String(await master?.command('INFO', 'replication')).includes('state=online'), { describe });
  }
}

async function masterPort(sentinelPort: number): Promise<number> {
  const address = await redisCommand(sentinelPort, ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER_NAME]);
  return Array.isArray(address) ? Number(address[1]) : 0;
}

function fields(reply: unknown): Map<string, string> {
  const map = new Map<string, string>();
  if (!Array.isArray(reply)) return map;
  for (let i = 0; i + 1 < reply.length; i += 2) map.set(String(reply[i]), String(reply[i + 1]));
  return map;
}
