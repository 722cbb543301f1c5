/** Shows the limits of a gateway as gauges, so that the distance to a limit can be drawn. */
import type { Metrics } from '#libs/telemetry/metrics.ts';

/** Settings that limit clients. See the table of settings in README.md. */
interface ClientLimits {
  readonly frameRate: number;
  readonly userBytesPerSecond: number;
  readonly pingsPerSecond: number;
  readonly historyPagesPerSecond: number;
  readonly newRoomsPerMinute: number;
  readonly handshakesPerMinute: number;
  readonly connectionsPerUser: number;
  readonly connectionsPerAddress: number;
  readonly drainSeconds: number;
}

const MINUTE_SECONDS = 60;

/** Shows the settings that limit what a connection, a user or an address may do. */
export function watchLimits(settings: ClientLimits, metrics: Metrics): void {
  const perSecond = {
    frames: settings.frameRate,
    bytes: settings.userBytesPerSecond,
    pings: settings.pingsPerSecond,
    history: settings.historyPagesPerSecond,
    rooms: settings.newRoomsPerMinute / MINUTE_SECONDS,
    handshakes: settings.handshakesPerMinute / MINUTE_SECONDS,
  };
  for (const [limit, rate] of Object.entries(perSecond)) metrics.watch('rateLimit', () => rate, { limit });
  const perClient = { user: settings.connectionsPerUser, address: settings.connectionsPerAddress };
  for (const [client, most] of Object.entries(perClient)) metrics.watch('connectionsPerClientMax', () => most, { client });
  metrics.watch('drainMax', () => settings.drainSeconds);
}
