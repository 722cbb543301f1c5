/** One gateway: the port of uWebSockets.js, in front of a hub. */
import type { Bearer } from '#libs/auth/credentials.ts';
import type { OriginPolicy } from '#libs/auth/origin-policy.ts';
import type { Broker } from '#libs/broker/broker.ts';
import { UnknownSignals } from '#libs/hub/delivery/unknown-signals.ts';
import { IN_FLIGHT_MAX } from '#libs/hub/frames/lane.ts';
import { Hub } from '#libs/hub/hub.ts';
import { systemClock } from '#libs/hub/ports/clock.ts';
import { SESSION_KINDS, type Survey } from '#libs/hub/sessions/census.ts';
import { Connection } from '#libs/hub/sessions/connection.ts';
import { Faults } from '#libs/hub/sessions/faults.ts';
import type { TokenBuckets } from '#libs/limits/token-buckets.ts';
import type { MessageWriter } from '#libs/messages/message-writer.ts';
import type { RoomAccess } from '#libs/messages/room-access.ts';
import type { Presence } from '#libs/presence/presence.ts';
import { ListenError, listenSeconds } from '#libs/process/admin-server.ts';
import type { Store } from '#libs/store/store.ts';
import type { AccessLog } from '#libs/telemetry/access-log.ts';
import type { Background } from '#libs/telemetry/background.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import { DRAIN_STATES, type Metrics } from '#libs/telemetry/metrics.ts';
import type { Tracer } from '#libs/telemetry/tracer.ts';
import { AddressPlaces } from './address-places.ts';
import { isSocketPathBelow } from './handshake-request.ts';
import { HttpAdapter, type HttpHandler } from './http-adapter.ts';
import { watchLimits } from './limit-gauges.ts';
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

/** Settings of one gateway. See the table of settings in README.md. */
export interface GatewaySettings {
  /** 0: a free port. */
  readonly port: number;
  /** The address to listen on. Undefined: every address. */
  readonly host: string | undefined;
  /** Several processes listen on the same port (Linux). */
  readonly sharePort: boolean;
  readonly singleSession: boolean;
  /** The path of `PUBLIC_URL`; empty if it has none. */
  readonly basePath: string;
  /** The value of `Strict-Transport-Security` on every answer. Undefined: no such header. */
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
  readonly conversationMaxChars: number;
  readonly frameMaxBytes: number;
  readonly roomLimit: number;
  /** Seconds of silence after which uWS ends a socket; a multiple of 4, at least 8. */
  readonly heartbeatSeconds: number;
  readonly stateLostSeconds: number;
  readonly drainSeconds: number;
  /** The least seconds that the port stays open in a drain, within `drainSeconds`. */
  readonly drainListenSeconds: number;
}

/**
 * The parts of a gateway. It closes broker and presence at the end of its drain; the caller closes
 * the other parts afterwards.
 */
export interface GatewayParts {
  readonly node: string;
  readonly origins: OriginPolicy;
  readonly broker: Broker;
  readonly presence: Presence;
  readonly access: RoomAccess;
  readonly writer: MessageWriter;
  readonly store: Pick<Store, 'messages' | 'cursors' | 'seen'>;
  readonly buckets: TokenBuckets;
  /** Seconds that this machine's wall clock is ahead of Redis's. */
  clockOffset(): number;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly background: Background;
  /** Undefined: traces are off. */
  readonly tracer?: Tracer | undefined;
  /** Undefined: there is none. */
  readonly accessLog?: AccessLog | undefined;
  /**
   * Resolves to the bearer of a token. Rejects with `HubError` `TOKEN_EXPIRED` or `UNAVAILABLE`.
   */
  verify(token: string): Promise<Bearer>;
  /**
   * Returns the bearer of a token; undefined if only `verify` can tell.
   * @throws HubError, as `verify`.
   */
  verifyLocal(token: string): Bearer | undefined;
  /** Answers all requests that are no WebSocket handshakes. */
  readonly http: HttpHandler;
}

/**
 * Bytes that may wait in the outbox of one socket. Above this limit uWS drops the socket: a skipped
 * frame would be a silent gap.
 */
const OUTBOX_MAX_BYTES = 1024 * 1024;
/** The limit of uWS is this many times ours, so that the hub itself can close with 1009 (F2). */
const NATIVE_PAYLOAD_FACTOR = 4;

/** Milliseconds that a drain waits for the last HTTP answers after the port is closed. */
const LAST_ANSWERS_MS = 1000;

/** The longest time that uWS waits for a pong, in seconds. At most half of `idleTimeout`. */
const PING_MARGIN_SECONDS = 16;

/** A gateway that listens. `drain` ends it. */
export class Gateway {
  readonly hub: Hub;
  /** The port that it listens on. */
  readonly port: number;
  readonly #app: TemplatedApp;
  readonly #gate: SocketGate;
  readonly #listening: us_listen_socket;
  readonly #metrics: Metrics;
  readonly #http: HttpAdapter;
  readonly #settings: GatewaySettings;
  #survey: Survey | undefined;
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
    this.#watch();
  }

  /**
   * Connects to the other nodes, then listens.
   *
   * @throws ListenError if the port cannot be opened. HubError `UNAVAILABLE` if the backend is
   *   away.
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
        ...metrics.hub,
        recovered: (result) => metrics.recovered(result),
        rateLimited: (limit) => metrics.rateLimited(limit),
      },
    });
    const gate = new SocketGate({
      connectionsMax: settings.connectionsMax,
      filesMax: settings.openFilesMax,
      connections: () => hub.census.connections,
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
      verifyLocal: (token) => parts.verifyLocal(token),
      tracer: parts.tracer,
      accessLog: parts.accessLog,
      steady: () => systemClock.steady(),
      accepted: (seconds) => {
        metrics.hot.upgrades += 1;
        metrics.hub.handshakes.accepted.record(seconds);
      },
      refused: (code, seconds) => {
        metrics.refused(code);
        metrics.hub.handshakes.refused.record(seconds);
      },
      handshakeLimited: () => metrics.rateLimited('handshakes'),
    });
    const http = new HttpAdapter(parts.http, () => hub.draining, settings.transportSecurity);
    watchSockets(app, gate);
    routes(app, { hub, upgrade, http, addresses, gate }, settings, metrics);
    await hub.start();
    const listening = await listen(app, settings);
    return new Gateway(settings, { hub, app, gate, http, listening, metrics });
  }

  /** Whether it accepts new connections now. */
  get ready(): boolean {
    return this.hub.ready && !this.#gate.isFull;
  }

  /** Updates the gauges of the metrics. Call it before each scrape. */
  async sample(): Promise<void> {
    const { hot } = this.#metrics;
    const { census } = this.hub;
    const max = this.#gate.connectionsMax;
    hot.connectionsMax = Number.isFinite(max) ? max : 0;
    hot.connections = census.connections;
    hot.rooms = census.rooms;
    hot.subscriptions = census.subscriptions;
    hot.usersOnline = census.usersOnline;
    this.#survey = await census.survey();
  }

  /**
   * Drains this node (D1): clients move to other nodes. Resolves when no socket is left. Later
   * calls return the promise of the first one.
   */
  drain(): Promise<void> {
    this.#drained ??= this.#leave();
    return this.#drained;
  }

  /** Shows what `sample` finds, and the limits beside it. */
  #watch(): void {
    const metrics = this.#metrics;
    const { census } = this.hub;
    metrics.watch('outboxBytes', () => this.#survey?.outboxBytes);
    metrics.watch('outboxLargest', () => this.#survey?.outboxLargest);
    metrics.watch('outboxMax', () => OUTBOX_MAX_BYTES);
    for (const kind of SESSION_KINDS) metrics.watch('sessions', () => this.#survey?.sessions[kind], { kind });
    for (const lane of ['stored', 'unstored'] as const) metrics.watch('messagesInFlight', () => census.inFlight[lane], { lane });
    metrics.watch('messagesInFlightMax', () => IN_FLIGHT_MAX);
    watchLimits(this.#settings, metrics);
  }

  async #leave(): Promise<void> {
    const { drainSeconds, drainListenSeconds } = this.#settings;
    this.#metrics.hot.drainState = DRAIN_STATES.draining;
    // The port stays open meanwhile. A balancer sends new requests until it notices the drain.
    await Promise.all([this.hub.drain(drainSeconds), systemClock.wait(listenSeconds(drainSeconds, drainListenSeconds) * 1000)]);
    us_listen_socket_close(this.#listening);
    await Promise.race([this.#http.idle(), systemClock.wait(LAST_ANSWERS_MS)]);
    this.#metrics.hot.drainState = DRAIN_STATES.drained;
    this.#app.close();
  }
}

/**
 * Seconds of silence after which uWS pings: `idleTimeout` less its margin of 4, 8 or 16 seconds.
 */
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
  // `compression` stays off, the default: chat frames are small, a deflate window for each socket
  // is large.
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
      // A socket may deliver more frames after the one that closed it. They get no answer.
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
      // uWS closes the socket after the first dropped frame, but not at once. It drops every frame
      // until then.
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
