import type { TokenWatch } from '#libs/backend/token-observer.ts';
import { systemClock } from '#libs/hub/ports/clock.ts';
import { NODE_ROOMS_MAX, type NodeDirectory, NodeReporter } from '#libs/presence/node-directory.ts';
import { version } from '#libs/process/version.ts';
import type { Background } from '#libs/telemetry/background.ts';
import type { Metrics } from '#libs/telemetry/metrics.ts';
import type { Gateway } from './gateway.ts';

/** Tells the person on call about a gateway (A13), until the reporter is closed. */
export function reportNode(
  id: string,
  gateway: Gateway,
  directory: NodeDirectory,
  { hot }: Metrics,
  background: Background,
  tokens: Pick<TokenWatch, 'keys'>,
): NodeReporter {
  return new NodeReporter({
    directory,
    id,
    version,
    clock: systemClock,
    background,
    read: () => ({
      connections: gateway.hub.connections,
      messages: hot.received,
      redisLag: hot.redisLagSeconds,
      state: gateway.hub.draining ? 'draining' : 'serving',
      rooms: gateway.hub.topRooms(NODE_ROOMS_MAX),
      keySet: tokens.keys,
    }),
  });
}
