/**
 * Parley's gateway with one change: every message is a statement and a commit of its own, over a
 * pool as large as the store's. Group commit is measured against it. Settings are those of
 * `npm run gateway`.
 */
import { openTokens } from '#libs/auth/tokens.ts';
import { openRedisBackend } from '#libs/backend/backend.ts';
import { hubParts } from '#libs/backend/hub-parts.ts';
import { type Config, loadConfig } from '#libs/config/config.ts';
import { fail, runAlone, type Service } from '#libs/process/process-life.ts';
import { Database } from '#libs/store/database.ts';
import { appendMessages } from '#libs/store/message-append.ts';
import type { StoredAt, StoredMessage } from '#libs/store/message-store.ts';
import { PostgresMessages } from '#libs/store/messages.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { Background } from '#libs/telemetry/background.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import type { Metrics } from '#libs/telemetry/metrics.ts';
import { Gateway } from '#services/gateway/gateway.ts';
import { nothingHere } from '#services/gateway/http-adapter.ts';
import { gatewaySettings } from '#services/gateway/run-gateway.ts';

const POOL_SIZE = 10;
/** A statement waits for a connection as long as it takes. */
const TIMEOUT_MS = 60_000;

class SingleMessages extends PostgresMessages {
  readonly #pool: Database;

  constructor(pool: Database) {
    super(pool, pool, undefined);
    this.#pool = pool;
  }

  override async append(message: StoredMessage): Promise<StoredAt | 'conflict'> {
    const [place = 'conflict'] = await appendMessages(this.#pool, [message], performance.now() + TIMEOUT_MS);
    return place;
  }
}

async function run(config: Config, metrics: Metrics, log: Logger): Promise<Service> {
  const { redisUrl, databaseUrl, nodeId: node } = config;
  if (redisUrl === undefined || databaseUrl === undefined) throw new TypeError('REDIS_URL and DATABASE_URL are needed');
  const { verifier } = openTokens(config);
  const pool = new Database({ url: databaseUrl, pool: 'messaging', poolSize: POOL_SIZE, timeoutMs: TIMEOUT_MS });
  const store = { ...(await openStore({ url: databaseUrl, log })), messages: new SingleMessages(pool) };
  const backend = await openRedisBackend(redisUrl, config, { node, store, metrics, log });
  const background = new Background({ log, failed: (task) => metrics.backgroundFault(task) });
  const parts = hubParts(config, verifier, backend, log, background);
  const feed = await parts.follow(() => undefined);
  const gateway = await Gateway.start(gatewaySettings(config, config.port), {
    node,
    ...backend,
    ...parts,
    metrics,
    log,
    background,
    http: nothingHere,
  });
  return {
    port: gateway.port,
    ready: () => gateway.hub.ready && feed.ready,
    async stop() {
      await gateway.drain();
      await feed.stop();
      await backend.close();
      await pool.close();
    },
  };
}

try {
  const config = loadConfig('gateway');
  await runAlone(config, ({ metrics, log }) => run(config, metrics, log));
} catch (error) {
  fail(error);
}
