import type { HubStats } from '#libs/hub/ports/stats.ts';

/** Statistics of a hub that nobody reads. */
export function muteStats(): HubStats {
  return {
    hot: { received: 0, delivered: 0, bytesSent: 0 },
    delivery: () => undefined,
    recovered: () => undefined,
    rateLimited: () => undefined,
  };
}
