import type { HubStats } from '#libs/hub/ports/stats.ts';
import type { StoreObserver } from '#libs/store/database.ts';
import { Metrics } from '#libs/telemetry/metrics.ts';

/** Statistics of a hub that nobody reads. `hot` may be watched. */
export function muteStats(hot: HubStats['hot'] = { received: 0, delivered: 0, bytesSent: 0 }): HubStats {
  const metrics = new Metrics({ version: 'test' });
  const { hub } = metrics;
  // It samples the event loop until then.
  metrics.close();
  return { ...hub, hot, recovered: () => undefined, rateLimited: () => undefined };
}

/** An observer of a store that watches nothing but what is given. */
export function muteStore(watched: Partial<StoreObserver> = {}): StoreObserver {
  const nothing = (): void => undefined;
  return { group: nothing, error: nothing, up: nothing, statement: nothing, waited: nothing, watch: nothing, ...watched };
}
