/** One gateway: uWebSockets.js in front of a hub. */
import type { Bearer } from '#libs/auth/credentials.ts';
import type { OriginPolicy } from '#libs/auth/origin-policy.ts';
import type { Broker } from '#libs/broker/broker.ts';
import { UnknownSignals } from '#libs/hub/delivery/unknown-signals.ts';
import { Hub } from '#libs/hub/hub.ts';
import { systemClock } from '#libs/hub/ports/clock.ts';
import { Connection } from '#libs/hub/sessions/connection.ts';
import { Faults } from '#libs/hub/sessions/faults.ts';
import type { TokenBuckets } from '#libs/limits/token-buckets.ts';
import type { MessageWriter } from '#libs/messages/message-writer.ts';
import type { RoomAccess } from '#libs/messages/room-access.ts';
import type { Presence } from '#libs/presence/presence.ts';
import { ListenError, listenSeconds } from '#libs/process/admin-server.ts';
import type { Store } from '#libs/store/store.ts';
import type { Background } from '#libs/telemetry/background.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import { DRAIN_STATES, type Metrics } from '#libs/telemetry/metrics.ts';
import { AddressPlaces } from './address-places.ts';
import { isSocketPathBelow } from './handshake-request.ts';
import { HttpAdapter, type HttpHandler } from './http-adapter.ts';
import { SocketGate } from './socket-gate.ts';
import { closeOf, type SocketData, Upgrade } from './upgrade.ts';
import {
  App,
  EXCLUSIVE_PORT,
  type HttpResponse,
  SHARED_PORT,
  type TemplatedApp,
  type us_listen_socket,
  us_listen_socket_close,
  us_socket_local_port,
} from './uws.ts';

export interface GatewaySettings {
  /** 0: a free one. */
  readonly port: number;
  /** Every address where undefined. */
  readonly host: string | undefined;
  /** Several processes listen on the same port (Linux). */
  readonly sharePort: boolean;
  readonly singleSession: boolean;
  /** The path of `PUBLIC_URL`; empty where it has none. */
  readonly basePath: string;
  /** `Strict-Transport-Security` of every answer; none where undefined. */
  readonly transportSecurity: string | undefined;
  readonly trustedProxyHops: number;
  readonly handshakesPerMinute: number;
  /** `Infinity`: no limit. */
  readonly connectionsMax: number;
  /** Files that this process may open; `Infinity`: no limit. */
  readonly openFilesMax: number;
  readonly connectionsPerUser: number;
  /** 0: no limit. */
  readonly connectionsPerAddress: number;
  readonly pingsPerSecond: number;
  readonly newRoomsPerMinute: number;
  readonly frameRate: number;
  readonly frameBurst: number;
  readonly userBytesPerSecond: number;
  readonly userBytesBurst: number;
  readonly historyPagesPerSecond: number;
  readonly messageMaxChars: number;
  readonly frameMaxBytes: number;
  readonly roomLimit: number;
  /** Seconds of silence after which uWS ends a socket; a multiple of 4, at least 8. */
  readonly heartbeatSeconds: number;
  readonly stateLostSeconds: number;
  readonly drainSeconds: number;
  /** Seconds of a drain for which the port stays open at least, within `drainSeconds`. */
  readonly drainListenSeconds: number;
}

export interface GatewayParts {
  readonly node: string;
  readonly origins: OriginPolicy;
  readonly broker: Broker;
  readonly presence: Presence;
  readonly access: RoomAccess;
  readonly writer: MessageWriter;
  readonly store: Pick<Store, 'messages' | 'cursors' | 'seen'>;
  readonly buckets: TokenBuckets;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly background: Background;
  /** Throws or rejects with `HubError` `TOKEN_EXPIRED` or `UNAVAILABLE`. At once where it can. */
  verify(token: string): Bearer | Promise<Bearer>;
  /** Everything that is no WebSocket. */
  readonly http: HttpHandler;
}

/** Outbox of one socket; beyond it the socket is dropped: a skipped frame would be a silent gap. */
const OUTBOX_MAX_BYTES = 1024 * 1024;
/** The native limit stands above ours, so that 1009 can be said (F2). */
const NATIVE_PAYLOAD_FACTOR = 4;

/** What the last HTTP answers of a drain may take once nobody new comes, milliseconds. */
const LAST_ANSWERS_MS = 1000;

/** uWS waits this long for the answer to a ping, seconds, at most half of the whole. */
const PING_MARGIN_SECONDS = 16;

export class Gateway {
  readonly hub: Hub;
  /** The port that was taken. */
  readonly port: number;
  readonly #app: TemplatedApp;
  readonly #gate: SocketGate;
  readonly #listening: us_listen_socket;
  readonly #metrics: Metrics;
  readonly #http: HttpAdapter;
  readonly #settings: GatewaySettings;
  #drained: Promise<void> | undefined;

  private constructor(
    settings: GatewaySettings,
    parts: { hub: Hub; app: TemplatedApp; gate: SocketGate; http: HttpAdapter; listening: us_listen_socket; metrics: Metrics },
  ) {
    this.#settings = settings;
    this.#http = parts.http;
    this.hub = parts.hub;
    this.#app = parts.app;
    this.#gate = parts.gate;
    this.#listening = parts.listening;
    this.#metrics = parts.metrics;
    this.port = us_socket_local_port(parts.listening);
  }

  /**
   * Connects to the other nodes, then listens.
   * @throws ListenError where the port cannot be had; HubError `UNAVAILABLE` if the backend is away.
   */
  static async start(settings: GatewaySettings, parts: GatewayParts): Promise<Gateway> {
    const { metrics } = parts;
    const app = App();
    const faults = new Faults({
      log: parts.log,
      met: () => {
        metrics.hot.faults += 1;
      },
    });
    const hub = new Hub({
      ...settings,
      ...parts,
      fanout: {
        publish(topic, frame, receivers) {
          metrics.hot.bytesSent += receivers * Buffer.byteLength(frame);
          app.publish(topic, frame);
        },
      },
      faults,
      unknownSignals: new UnknownSignals({
        log: parts.log,
        ignored: () => {
          metrics.hot.unknownSignals += 1;
        },
        steady: () => systemClock.steady(),
      }),
      clock: systemClock,
      heartbeatSeconds: pingSeconds(settings.heartbeatSeconds),
      userBytes: { rate: settings.userBytesPerSecond, burst: settings.userBytesBurst },
      frameLimits: { rate: settings.frameRate, burst: settings.frameBurst },
      stats: {
        hot: metrics.hot,
        delivery: (seconds) => metrics.latency.record(seconds),
        recovered: (result) => metrics.recovered(result),
        rateLimited: (limit) => metrics.rateLimited(limit),
      },
    });
    const gate = new SocketGate({
      connectionsMax: settings.connectionsMax,
      filesMax: settings.openFilesMax,
      connections: () => hub.connections,
      dropped: () => {
        metrics.hot.socketsDropped += 1;
      },
      steady: () => systemClock.steady(),
      log: parts.log,
    });
    const addresses = new AddressPlaces({
      limit: settings.connectionsPerAddress,
      log: parts.log,
      steady: () => systemClock.steady(),
      refused: () => metrics.rateLimited('addresses'),
    });
    const upgrade = new Upgrade({
      ...settings,
      addresses,
      gate,
      origins: parts.origins,
      hub,
      faults,
      verify: (token) => parts.verify(token),
      steady: () => systemClock.steady(),
      accepted: () => {
        metrics.hot.upgrades += 1;
      },
      refused: (code) => metrics.refused(code),
      handshakeLimited: () => metrics.rateLimited('handshakes'),
    });
    const http = new HttpAdapter(parts.http, () => hub.draining, settings.transportSecurity);
    watchSockets(app, gate);
    routes(app, { hub, upgrade, http, addresses, gate }, settings, metrics);
    await hub.start();
    const listening = await listen(app, settings);
    return new Gateway(settings, { hub, app, gate, http, listening, metrics });
  }

  /** Whether it would serve a new connection. */
  get ready(): boolean {
    return this.hub.ready && !this.#gate.isFull;
  }

  /** Brings the numbers up to date that are asked for, not counted. */
  sample(): void {
    const { hot } = this.#metrics;
    const max = this.#gate.connectionsMax;
    hot.connectionsMax = Number.isFinite(max) ? max : 0;
    hot.connections = this.hub.connections;
    hot.rooms = this.hub.rooms;
    hot.subscriptions = this.hub.subscriptions;
    hot.usersOnline = this.hub.usersOnline;
  }

  /** Leaves without losing anyone (D1). Resolves when no socket is left; asked again, the same drain. */
  drain(): Promise<void> {
    this.#drained ??= this.#leave();
    return this.#drained;
  }

  async #leave(): Promise<void> {
    const { drainSeconds, drainListenSeconds } = this.#settings;
    this.#metrics.hot.drainState = DRAIN_STATES.draining;
    // Newcomers are answered all the while: a balancer goes on sending until it has noticed.
    await Promise.all([this.hub.drain(drainSeconds), systemClock.wait(listenSeconds(drainSeconds, drainListenSeconds) * 1000)]);
    us_listen_socket_close(this.#listening);
    await Promise.race([this.#http.idle(), systemClock.wait(LAST_ANSWERS_MS)]);
    this.#metrics.hot.drainState = DRAIN_STATES.drained;
    this.#app.close();
  }
}

/** Seconds of silence after which uWS pings: what `idleTimeout` leaves before its margin of 4, 8 or 16 seconds. */
function pingSeconds(idleTimeout: number): number {
  let margin = 4;
  while (idleTimeout - margin * 2 >= margin * 2 && margin < PING_MARGIN_SECONDS) margin *= 2;
  return idleTimeout - margin;
}

interface Handlers {
  readonly hub: Hub;
  readonly upgrade: Upgrade;
  readonly http: HttpAdapter;
  readonly addresses: AddressPlaces;
  readonly gate: SocketGate;
}

/** uWS reports each socket that it accepts, and the end of each that has not become a WebSocket. */
function watchSockets(app: TemplatedApp, gate: SocketGate): void {
  const changed = (res: HttpResponse, change: number): void => {
    if (change < 0) gate.closed();
    else if (!gate.opened()) res.close();
  };
  app.filter(changed);
}

function routes(app: TemplatedApp, { hub, upgrade, http, addresses, gate }: Handlers, settings: GatewaySettings, metrics: Metrics): void {
  // `compression` stays at its default, off: chat frames are small, and a deflate window for each socket is not.
  app.ws<SocketData>('/*', {
    idleTimeout: settings.heartbeatSeconds,
    sendPingsAutomatically: true,
    maxBackpressure: OUTBOX_MAX_BYTES,
    closeOnBackpressureLimit: true,
    maxPayloadLength: settings.frameMaxBytes * NATIVE_PAYLOAD_FACTOR,
    upgrade: (res, req, context) => upgrade.handle(res, req, context),
    open(ws) {
      const { holder } = ws.getUserData();
      if (holder instanceof Connection) {
        hub.opened(holder, ws);
        return;
      }
      const { code, reason } = closeOf(holder);
      ws.end(code, reason);
    },
    message(ws, message, isBinary) {
      metrics.hot.bytesReceived += message.byteLength;
      const connection = ws.getUserData().holder;
      // What was read together with the frame that was too much is not worth an answer that nobody gets.
      if (!(connection instanceof Connection) || !connection.open) return;
      if (message.byteLength > settings.frameMaxBytes) connection.end('TOO_LARGE');
      else if (isBinary) hub.receivedBinary(connection);
      else hub.received(connection, Buffer.from(message).toString());
    },
    ping(ws) {
      const connection = ws.getUserData().holder;
      if (connection instanceof Connection) hub.pinged(connection);
    },
    pong(ws, message) {
      const connection = ws.getUserData().holder;
      if (connection instanceof Connection) hub.ponged(connection, Buffer.from(message).toString());
    },
    drain(ws) {
      const connection = ws.getUserData().holder;
      if (connection instanceof Connection) hub.drained(connection);
    },
    dropped(ws) {
      // uWS ends the socket with the first frame it drops, but not at once, and drops all until then.
      const connection = ws.getUserData().holder;
      if (connection instanceof Connection && connection.dropped()) metrics.hot.slowConsumers += 1;
    },
    close(ws, code) {
      const { holder: connection, place } = ws.getUserData();
      if (place !== undefined) addresses.leave(place);
      gate.closed();
      if (!(connection instanceof Connection)) return;
      hub.closed(connection);
      metrics.disconnected(code);
    },
  });
  app.any('/*', (res, req) => {
    if (isSocketPathBelow(settings.basePath, req.getUrl())) upgrade.refuseHttp(res, req);
    else http.handle(res, req);
  });
}

function listen(app: TemplatedApp, { host, port, sharePort }: GatewaySettings): Promise<us_listen_socket> {
  return new Promise((resolve, reject) => {
    const done = (socket: us_listen_socket | false): void => {
      if (socket === false) reject(new ListenError(`port ${port} is taken or not allowed: set PORT to another one`));
      else resolve(socket);
    };
    const options = sharePort ? SHARED_PORT : EXCLUSIVE_PORT;
    if (host === undefined) app.listen(port, options, done);
    else app.listen(host, port, options, done);
  });
}
