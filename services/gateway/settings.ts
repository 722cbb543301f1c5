/** What of the configuration concerns the gateway. */
import type { Config } from '#libs/config/config.ts';
import { basePath, transportSecurity } from '#libs/config/public-url.ts';
import type { GatewaySettings } from './gateway.ts';
import { connectionsFor, openFilesLimit } from './open-files.ts';

/**
 * `port` stands in for the configured one where a parent process took one already. Throws `ConfigError` if the limit of open files is too small for
 * `CONNECTIONS_MAX`.
 */
export function gatewaySettings(config: Config, port: number = config.port): GatewaySettings {
  const openFilesMax = openFilesLimit();
  return {
    port,
    host: config.host,
    sharePort: config.gatewayProcesses > 1,
    singleSession: config.sessions === 'single',
    basePath: basePath(config.publicUrl),
    transportSecurity: transportSecurity(config.publicUrl),
    trustedProxyHops: config.trustedProxyHops,
    handshakesPerMinute: config.handshakesPerMinute,
    connectionsMax: connectionsFor(config.connectionsMax, openFilesMax),
    openFilesMax,
    connectionsPerUser: config.connectionsPerUser,
    connectionsPerAddress: config.connectionsPerAddress,
    pingsPerSecond: config.pingsPerSecond,
    newRoomsPerMinute: config.newRoomsPerMinute,
    frameRate: config.frameRate,
    frameBurst: config.frameBurst,
    userBytesPerSecond: config.userBytesPerSecond,
    userBytesBurst: config.userBytesBurst,
    historyPagesPerSecond: config.historyPagesPerSecond,
    messageMaxChars: config.messageMaxChars,
    frameMaxBytes: config.frameMaxBytes,
    roomLimit: config.roomLimit,
    heartbeatSeconds: config.heartbeatSeconds,
    stateLostSeconds: config.stateLostSeconds,
    drainSeconds: config.drainSeconds,
    drainListenSeconds: config.drainListenSeconds,
  };
}
