import { RedisServer } from './redis-server.ts';
import { until } from './wait.ts';

const SLOTS = 16_384;

/** A real Redis Cluster of three masters on 127.0.0.1, without replicas. */
export class RedisCluster {
  readonly masters: readonly RedisServer[];

  private constructor(masters: readonly RedisServer[]) {
    this.masters = masters;
  }

  /** Resolves when every master says that the cluster is whole. */
  static async start(count = 3): Promise<RedisCluster> {
    const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'];
    const masters = await Promise.all(Array.from({ length: count }, () => RedisServer.start({ args })));
    const cluster = new RedisCluster(masters);
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
    for (const master of this.masters.slice(1)) await master.command('CLUSTER', 'MEET', '127.0.0.1', this.masters[0]?.port ?? 0);
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

function lastSlot(index: number, count: number): number {
  return Math.floor(((index + 1) * SLOTS) / count) - 1;
}
