import type { Certificate } from './certificate.ts';
import { freePort } from './free-port.ts';
import { RedisServer } from './redis-server.ts';
import { asArguments, tlsSettings } from './redis-tls.ts';
import { until } from './wait.ts';

const SLOTS = 16_384;
/** The most milliseconds until a replica replaces its master. */
const PROMOTED_MS = 60_000;

/** Options of `RedisCluster`. */
export interface RedisClusterOptions {
  /** Masters. Default 3. */
  readonly count?: number;
  /** All servers also listen over TLS with it, under the name `localhost`. */
  readonly tls?: Certificate;
  /** Whether the first master has a replica that replaces it when it dies. Default false. */
  readonly replica?: boolean;
}

/** A real Redis Cluster of three masters on 127.0.0.1. */
export class RedisCluster {
  readonly masters: readonly RedisServer[];
  /** The replica of the first master. */
  readonly replica: RedisServer | undefined;
  /** The ports of the masters, then of the replica. */
  readonly #tlsPorts: readonly number[];

  private constructor(masters: readonly RedisServer[], replica: RedisServer | undefined, tlsPorts: readonly number[]) {
    this.masters = masters;
    this.replica = replica;
    this.#tlsPorts = tlsPorts;
  }

  /** Starts it. Resolves when every server reports that the cluster is whole. */
  static async start({ count = 3, tls, replica: replicated = false }: RedisClusterOptions = {}): Promise<RedisCluster> {
    const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', '--repl-diskless-sync-delay', '0'];
    const ports = await Promise.all(Array.from({ length: count + Number(replicated) }, () => (tls === undefined ? 0 : freePort())));
    const servers = await Promise.all(
      ports.map((port) => RedisServer.start({ args: tls === undefined ? args : [...args, ...byName(port, tls)] })),
    );
    const cluster = new RedisCluster(servers.slice(0, count), servers[count], ports);
    try {
      await cluster.#assemble();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  get url(): string {
    return `redis+cluster://${this.masters.map(({ port }) => `127.0.0.1:${port}`).join(',')}`;
  }

  /** The URL over TLS, by name. Only with a certificate. */
  get tlsUrl(): string {
    return `rediss+cluster://${this.#tlsPorts.map((port) => `localhost:${port}`).join(',')}`;
  }

  /** Returns the master that has a key's slot. */
  async masterOf(key: string): Promise<RedisServer> {
    const slot = Number(await this.masters[0]?.command('CLUSTER', 'KEYSLOT', key));
    const index = this.masters.findIndex((_, i) => slot <= lastSlot(i, this.masters.length));
    const master = this.masters[index];
    if (master === undefined) throw new Error(`no master of slot ${slot}`);
    return master;
  }

  /**
   * Sends SIGKILL to the first master. Resolves when its replica has its slots and every server
   * knows.
   */
  async killMaster(): Promise<void> {
    const [first, ...others] = this.masters;
    await first?.kill();
    await until(
      async () => {
        const role = await this.replica?.command('ROLE');
        const infos = await Promise.all([...others, this.replica].map(async (server) => String(await server?.command('CLUSTER', 'INFO'))));
        return Array.isArray(role) && role[0] === 'master' && infos.every((info) => info.includes('cluster_state:ok'));
      },
      { timeoutMs: PROMOTED_MS, describe: () => `the replica takes over\n${this.replica?.output}` },
    );
  }

  async stop(): Promise<void> {
    await Promise.all([...this.masters, this.replica].map((server) => server?.stop()));
  }

  get #servers(): readonly RedisServer[] {
    return this.replica === undefined ? this.masters : [...this.masters, this.replica];
  }

  async #assemble(): Promise<void> {
    const count = this.masters.length;
    for (const [i, master] of this.masters.entries()) {
      const first = i === 0 ? 0 : lastSlot(i - 1, count) + 1;
      await master.command('CLUSTER', 'ADDSLOTSRANGE', first, lastSlot(i, count));
      await master.command('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
    }
    for (const server of this.#servers.slice(1)) {
      await server.command('CLUSTER', 'MEET', '127.0.0.1', this.#tlsPorts[0] || (this.masters[0]?.port ?? 0));
    }
    for (const server of this.#servers) {
      await until(
        async () => {
          const info = String(await server.command('CLUSTER', 'INFO'));
          const known = info.includes(`cluster_known_nodes:${this.#servers.length}`);
          return known && info.includes('cluster_state:ok') && info.includes(`cluster_size:${count}`);
        },
        { timeoutMs: 20_000, describe: () => `cluster whole\n${server.output}` },
      );
    }
    if (this.replica !== undefined) await this.#follow(this.replica);
  }

  async #follow(replica: RedisServer): Promise<void> {
    const [first] = this.masters;
    await replica.command('CLUSTER', 'REPLICATE', String(await first?.command('CLUSTER', 'MYID')));
    await until(async () => String(await first?.command('INFO', 'replication')).includes('state=online'), {
      describe: () => `the replica is in sync\n${replica.output}`,
    });
  }
}

function byName(port: number, tls: Certificate): string[] {
  return asArguments({
    ...tlsSettings(port, tls),
    'tls-cluster': 'yes',
    'tls-replication': 'yes',
    'cluster-announce-hostname': 'localhost',
    'cluster-preferred-endpoint-type': 'hostname',
  });
}

function lastSlot(index: number, count: number): number {
  return Math.floor(((index + 1) * SLOTS) / count) - 1;
}
