/** What the parts of the hub share, whatever it is made of. */
import type { Broker } from '#libs/broker/broker.ts';
import type { Jobs } from '#libs/jobs/jobs.ts';
import type { TokenBuckets } from '#libs/limits/token-buckets.ts';
import type { NodeDirectory } from '#libs/presence/node-directory.ts';
import type { Presence } from '#libs/presence/presence.ts';
import type { RedisLink } from '#libs/redis/redis-link.ts';
import type { Store } from '#libs/store/store.ts';

export interface Backend {
  readonly store: Store;
  readonly broker: Broker;
  /** A process that is no gateway takes no part in it: it asks, without `start`. */
  readonly presence: Presence;
  /** What gateways tell about themselves. */
  readonly nodes: NodeDirectory;
  /** Token buckets that the nodes share. */
  readonly buckets: TokenBuckets;
  /** The way to Redis; undefined if everything is in this process. */
  readonly link: RedisLink | undefined;
  /**
   * Opens the queues. Whoever opens them closes them, before the backend. A process that opens none, as a gateway, does not even load BullMQ: 170 files,
   * a third of the time that a gateway takes to start.
   */
  jobs(): Promise<Jobs>;
  /**
   * Why this process should not serve, as far as is known without asking: Redis is away, or cannot keep what it is given. Undefined if all is well. A
   * PostgreSQL that went away is no reason (M1).
   */
  problem(): string | undefined;
  /** Gives everything back but what was started by others: broker and presence are closed before. */
  close(): Promise<void>;
}
