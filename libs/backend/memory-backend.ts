/** Everything in this process but the store: for a node that stands alone. */
import { DEFAULT_BROKER_LIMITS } from '#libs/broker/broker-limits.ts';
import { BrokerMemory } from '#libs/broker/broker-memory.ts';
import type { Config } from '#libs/config/config.ts';
import { JobsMemory } from '#libs/jobs/jobs-memory.ts';
import { TokenBucketsMemory } from '#libs/limits/token-buckets.ts';
import { MessageArchive } from '#libs/messages/message-archive.ts';
import { NodeDirectoryMemory } from '#libs/presence/node-directory-memory.ts';
import { PresenceMemory } from '#libs/presence/presence-memory.ts';
import type { Store } from '#libs/store/store.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import type { Metrics } from '#libs/telemetry/metrics.ts';
import type { Backend } from './backend.ts';

/** @param store Given over: closed with the backend. */
export function openMemoryBackend(
  config: Pick<Config, 'streamMaxMessages' | 'streamMaxSeconds' | 'emptyRoomSeconds'>,
  parts: { readonly store: Store; readonly metrics: Metrics; readonly log: Logger },
): Backend {
  const { store, metrics, log } = parts;
  const limits = {
    ...DEFAULT_BROKER_LIMITS,
    streamMaxLength: config.streamMaxMessages,
    streamMaxAgeMs: config.streamMaxSeconds * 1000,
    emptyTtlMs: config.emptyRoomSeconds * 1000,
  };
  const broker = new BrokerMemory(limits, undefined, new MessageArchive(store.messages));
  return {
    store,
    broker,
    presence: new PresenceMemory(broker),
    nodes: new NodeDirectoryMemory(),
    buckets: new TokenBucketsMemory(),
    link: undefined,
    jobs: async () => new JobsMemory({ log, observe: metrics.jobs }),
    problem: () => undefined,
    close: () => store.close(),
  };
}
