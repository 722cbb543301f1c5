import type { Certificate } from './certificate.ts';
import { freePort } from './free-port.ts';
import { RedisServer } from './redis-server.ts';
import { until } from './wait.ts';

const SLOTS = 16_384;

/** A real Redis Cluster of three masters on 127.0.0.1, without replicas. */
export class RedisCluster {
  readonly masters: readonly RedisServer[];

  readonly #tlsPorts: readonly number[];

  private constructor(masters: readonly RedisServer[], tlsPorts: readonly number[]) {
    this.masters = masters;
    this.#tlsPorts = tlsPorts;
  }

  /**
   * Resolves when every master says that the cluster is whole.
   * @param tls With it the masters are reached over TLS, too, and call themselves `localhost` there.
   */
  static async start(count = 3, tls?: Certificate): Promise<RedisCluster> {
    const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'];
    const ports = await Promise.all(Array.from({ length: count }, () => (tls === undefined ? 0 : freePort())));
    const masters = await Promise.all(
      ports.map((port) => RedisServer.start({ args: tls === undefined ? args : [...args, ...byName(port, tls)] })),
    );
    const cluster = new RedisCluster(masters, ports);
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

  /** By name, where it was started with a certificate. */
  get tlsUrl(): string {
    return `rediss+cluster://${this.#tlsPorts.map((port) => `localhost:${port}`).join(',')}`;
  }

  /** The master that holds a key's slot. */
  async masterOf(key: string): Promise<RedisServer> {
    const slot = Number(await this.masters[0]?.command('CLUSTER', 'KEYSLOT', key));
    const index = this.masters.findIndex((_, i) => slot <= lastSlot(i, this.masters.length));
    const master = this.masters[index];
    if (master === undefined) throw new Error(`no master of slot ${slot}`);
    return master;
  }

  async stop(): Promise<void> {
    await Promise.all(this.masters.map((master) => master.stop()));
  }

  async #assemble(): Promise<void> {
    const count = this.masters.length;
    for (const [i, master] of this.masters.entries()) {
      const first = i === 0 ? 0 : lastSlot(i - 1, count) + 1;
      await master.command('CLUSTER', 'ADDSLOTSRANGE', first, lastSlot(i, count));
      await master.command('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
    }
    for (const master of this.masters.slice(1)) {
      await master.command('CLUSTER', 'MEET', '127.0.0.1', this.#tlsPorts[0] || (this.masters[0]?.port ?? 0));
    }
    for (const master of this.masters) {
      await until(
        async () => {
          const info = String(await master.command('CLUSTER', 'INFO'));
          return info.includes('cluster_state:ok') && info.includes(`cluster_size:${count}`);
        },
        { timeoutMs: 20_000, describe: () => `cluster whole\n${master.output}` },
      );
    }
  }
}

function byName(port: number, { certFile, keyFile }: Certificate): string[] {
  const files = ['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-ca-cert-file', certFile, '--tls-auth-clients', 'no'];
  const names = ['--cluster-announce-hostname', 'localhost', '--cluster-preferred-endpoint-type', 'hostname'];
  return ['--tls-port', String(port), '--tls-cluster', 'yes', ...files, ...names];
}

function lastSlot(index: number, count: number): number {
  return Math.floor(((index + 1) * SLOTS) / count) - 1;
}
