/** The heart of a node: its connections from admission to close, and their way to other nodes. */

import { randomBytes } from 'node:crypto';
import type { Bearer } from '#libs/auth/credentials.ts';
import type { PresenceListener, PresenceSource } from '#libs/presence/presence.ts';
import { ERRORS, HubError } from '#libs/protocol/errors.ts';
import { RETRY_SECONDS } from '#libs/protocol/limits.ts';
import { buildFrame } from '#libs/protocol/server-frame.ts';
import { EVERY_NODE } from '#libs/protocol/signals.ts';
import type { RevocationRecord } from '#libs/store/event-store.ts';
import { endWith, type Span } from '#libs/telemetry/tracer.ts';
import { AckQueue } from './delivery/ack-queue.ts';
import { Counts, INTERVAL_MS } from './delivery/counts.ts';
import { Healer } from './delivery/healer.ts';
import { Joins } from './delivery/joins.ts';
import { LostAccess, type LostAccessOptions } from './delivery/lost-access.ts';
import { MessageTraces } from './delivery/message-traces.ts';
import { OfflineMessages } from './delivery/offline-messages.ts';
import { PrivateRooms } from './delivery/private-rooms.ts';
import { Receipts } from './delivery/receipts.ts';
import { Relay } from './delivery/relay.ts';
import { UserSignals } from './delivery/user-signals.ts';
import { FrameHandler } from './frames/frame-handler.ts';
import { Publisher } from './frames/publisher.ts';
import type { Admission, HubOptions } from './hub-options.ts';
import { ConnectionBudget } from './limits/frame-budget.ts';
import { NewRooms } from './limits/new-rooms.ts';
import { UserBytes } from './limits/user-bytes.ts';
import { EVERYONE, type Socket } from './ports/socket.ts';
import { MembershipValidity } from './rooms/membership-validity.ts';
import { Rooms } from './rooms/rooms.ts';
import { Census } from './sessions/census.ts';
import { Connection, Phase } from './sessions/connection.ts';
import { drainConnections } from './sessions/drain.ts';
import { Expiry } from './sessions/expiry.ts';
import { FrameBatches } from './sessions/frame-batches.ts';
import { HandshakeTraces, kickStep, presenceStep } from './sessions/handshake-traces.ts';
import { LocalUsers } from './sessions/local-users.ts';
import { PingLimit } from './sessions/ping-limit.ts';
import { endRevoked } from './sessions/revocations.ts';
import { SingleSession } from './sessions/single-session.ts';

export class Hub {
  /** Feed it with the changes of rooms (R7). Without them no membership is relied on for long. */
  readonly lostAccess: LostAccess;
  /** The numbers of this hub. */
  readonly census: Census;
  readonly #options: HubOptions;
  /** Publishes to topics, in arrays to connections that take them. */
  readonly #batches: FrameBatches;
  readonly #users: LocalUsers;
  readonly #rooms: Rooms;
  readonly #joins: Joins;
  readonly #counts: Counts;
  readonly #acks: AckQueue;
  readonly #publisher: Publisher;
  readonly #frames: FrameHandler;
  readonly #expiry: Expiry;
  readonly #privateRooms: PrivateRooms;
  readonly #offline: OfflineMessages;
  readonly #receipts: Receipts;
  readonly #pings: PingLimit;
  readonly #signals: UserSignals;
  readonly #single: SingleSession;
  readonly #healer: Healer;
  readonly #traces: MessageTraces | undefined;
  readonly #handshakes = new HandshakeTraces();
  readonly #ids = randomBytes(3).toString('hex');
  #lastId = 0;
  #draining = false;
  /** Milliseconds of the steady clock; since when the backend is away. */
  #cutOffAt: number | undefined;
  #stopTicking: (() => void) | undefined;

  constructor(options: HubOptions) {
    this.#options = options;
    const { broker, presence, stats, faults, background, clock, access, store } = options;
    const steady = () => clock.steady();
    this.#batches = new FrameBatches(options.fanout, clock);
    const fanout = this.#batches;
    this.#users = new LocalUsers(broker);
    const newRooms = new NewRooms(options.newRoomsPerMinute, () => stats.rateLimited('rooms'));
    this.#rooms = new Rooms(broker, newRooms, steady);
    this.#counts = new Counts(fanout);
    this.#expiry = new Expiry(clock.now());
    const now = this.#sharedNow;
    this.#privateRooms = new PrivateRooms({ users: this.#users, broker, cursors: store.cursors, access, stats, clock, now, background });
    const [users, rooms, counts, privateRooms] = [this.#users, this.#rooms, this.#counts, this.#privateRooms];
    this.#joins = new Joins({ ...options, rooms, counts, privateRooms });
    const bytes = new UserBytes({ ...options.userBytes, buckets: options.buckets, steady, refused: () => stats.rateLimited('bytes') });
    const validity = new MembershipValidity(steady);
    this.#traces = options.tracer && new MessageTraces(options.tracer, rooms, steady);
    const traces = this.#traces;
    this.#acks = new AckQueue(options.fanout, clock);
    const acks = this.#acks;
    this.#publisher = new Publisher({ writer: options.writer, access, validity, bytes, acks, stats, faults, background, traces, steady });
    this.census = new Census({ users, rooms, inFlight: () => this.#publisher.lanes, presence });
    this.#offline = new OfflineMessages({ ...store, broker, privateRooms, access, validity, clock, background });
    this.#receipts = new Receipts({ cursors: store.cursors, background, steady });
    this.#pings = new PingLimit({ perSecond: options.pingsPerSecond, stats, steady });
    this.#single = new SingleSession(presence, background);
    const single = options.singleSession ? this.#single : undefined;
    this.#healer = new Healer({ ...options, users, rooms, counts, privateRooms, single });
    const takeOut: LostAccessOptions['takeOut'] = (connection, room, reason) => this.#joins.takeOut(connection, room, reason);
    this.lostAccess = new LostAccess({ ...options, fanout, users, rooms, validity, takeOut });
    this.#signals = new UserSignals({
      ...options,
      fanout,
      users,
      privateRooms,
      lostAccess: this.lostAccess,
      login: (user, login) => this.#single.doubt(users.of(user).filter((connection) => connection.login !== login)),
    });
    this.#frames = new FrameHandler({
      ...options,
      batches: fanout,
      joins: this.#joins,
      counts,
      publisher: this.#publisher,
      validity,
      messages: store.messages,
      offline: this.#offline,
      pageLimits: { rate: options.historyPagesPerSecond, burst: options.historyPagesPerSecond },
      refreshed: (connection, before) => {
        users.refreshed(connection, before);
        connection.user.renew(connection.bearer.name, connection.bearer.kind);
        this.#expiry.watch(connection, clock.now(), before);
        this.#seen(connection);
      },
    });
  }

  /**
   * Connects to the other nodes. Resolves when connections can be admitted; rejects with `HubError`
   * `UNAVAILABLE`.
   */
  async start(): Promise<void> {
    const { broker, presence, clock, node, stats, background } = this.#options;
    await broker.start(
      new Relay({
        node,
        rooms: this.#rooms,
        counts: this.#counts,
        fanout: this.#batches,
        acks: this.#acks,
        stats,
        traces: this.#traces,
        now: this.#sharedNow,
        userSignal: (user, payload) => this.#signalled(user, payload),
        closed: (room, reason) => this.lostAccess.closeRoom(room, reason),
        unknownSignals: this.#options.unknownSignals,
        healed: (topics) => this.#healer.heal(topics),
        connectivity: (up) => this.#connectivity(up),
        failed: (error) => background.failed('signals', error),
      }),
    );
    const listener: PresenceListener = { online: (count) => background.run('counts', () => this.#counts.online(count)) };
    const source: PresenceSource = { connections: () => this.#users.all(), rooms: () => this.#rooms.occupancy() };
    await Promise.all([presence.start(listener, source), broker.subscribeUser(EVERY_NODE)]);
    this.#stopTicking = clock.every(INTERVAL_MS, () => this.#tick());
  }

  /** Whether connections would be admitted now. */
  get ready(): boolean {
    return !this.#draining && this.#cutOffAt === undefined;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Throws if any connection would be refused now. @throws HubError `DRAINING`, `UNAVAILABLE`. */
  assertReady(): void {
    if (this.#draining) throw new HubError('DRAINING', undefined, { retryAfter: RETRY_SECONDS });
    if (this.#cutOffAt !== undefined) throw new HubError('UNAVAILABLE', undefined, { retryAfter: RETRY_SECONDS });
  }

  /**
   * Returns true if the room's name lets the bearer in, false if only `assertMayEnter` can tell.
   * @throws HubError `FORBIDDEN` if the name refuses the bearer.
   */
  entersByName(bearer: Bearer, room: string): boolean {
    return this.#options.access.enterByName(bearer, room) !== undefined;
  }

  /** Checks that the bearer may enter a room. Rejects with `HubError`, as `RoomAccess.enter`. */
  async assertMayEnter(bearer: Bearer, room: string): Promise<void> {
    await this.#options.access.enter(bearer, room);
  }

  /**
   * Takes a connection whose token was verified, as its 101 is sent. Follow with `opened`, then
   * `closed`.
   * @throws HubError `DRAINING`, `UNAVAILABLE`, `RATE_LIMITED` (too many connections of this user).
   */
  admit(admission: Admission): Connection {
    const { stats, connectionsPerUser } = this.#options;
    this.assertReady();
    const open = this.#users.of(admission.bearer.userId).length;
    if (connectionsPerUser > 0 && open >= connectionsPerUser) {
      stats.rateLimited('connections');
      throw new HubError(
        'RATE_LIMITED',
        `You have ${connectionsPerUser} connections to this node (CONNECTIONS_PER_USER): close one first.`,
        { retryAfter: RETRY_SECONDS },
      );
    }
    return this.#take(admission);
  }

  /**
   * The socket is there. Presence gets it, then `welcome` is the first frame (H6). Frames that the
   * client sent meanwhile are handled after it. A connection of an older login gets the reason and
   * is closed (R4).
   */
  opened(connection: Connection, socket: Socket): void {
    connection.opened(socket);
    const since = this.#options.clock.steady();
    const span = this.#handshakes.take(connection);
    const welcomed = this.#register(connection, span).then(() => this.#welcome(connection, since));
    endWith(span, welcomed).catch((error: unknown) => {
      const { code } = this.#options.faults.report(error, connection);
      connection.end(ERRORS[code].close === 0 ? 'UNAVAILABLE' : code);
    });
  }

  /** A text frame came, at most `frameMaxBytes` long. */
  received(connection: Connection, text: string): void {
    if (connection.phase < Phase.welcomed) this.#hold(connection, () => this.#frames.receive(connection, text));
    else {
      // The ping goes out before the answer: a client that has the answer has the ping.
      this.#receipts.alive(connection);
      this.#frames.receive(connection, text);
    }
  }

  /** The client sent a protocol ping. Closes a client that sends too many (F3). */
  pinged(connection: Connection): void {
    this.#pings.pinged(connection);
  }

  /** The client sent a pong with this text. A pong without a ping is limited as a ping (F3). */
  ponged(connection: Connection, text: string): void {
    if (connection.receipts.asked?.ping !== text) this.#pings.strayPong(connection);
    this.#receipts.ponged(connection, text);
  }

  /** A binary frame came. Refuses it as an invalid frame (F1). */
  receivedBinary(connection: Connection): void {
    const refuse = (): void =>
      this.#frames.invalid(connection, undefined, new HubError('INVALID_REQUEST', 'frames are text, not binary: send JSON as text'));
    if (connection.phase < Phase.welcomed) this.#hold(connection, refuse);
    else refuse();
  }

  /** The outbox of a connection got shorter. */
  drained(connection: Connection): void {
    connection.drained();
  }

  /** The socket is gone, or never came to be. */
  closed(connection: Connection): void {
    connection.closed();
    this.#handshakes.take(connection)?.end();
    // A drain gives presence back as a whole at its end: a user who is back on another node by then
    // is not announced as gone (D1).
    if (connection.sentAway) return;
    this.#joins.leaveAll(connection);
    this.#users.remove(connection);
    const { background, presence } = this.#options;
    background.run('presence', () => presence.disconnect(connection));
    this.#seen(connection);
  }

  /** Closes the connections of revoked tokens with 4510, after `kicked`. */
  revoke(revocation: RevocationRecord): void {
    endRevoked(this.#users, revocation, this.#options.clock.now());
  }

  /**
   * Leaves without losing anyone (D1): refuses new connections at once, sends each its `draining`
   * and closes it with 1012, spread over at most `seconds`, lets messages under way be answered,
   * and gives presence back. Resolves when nothing is left.
   */
  async drain(seconds: number): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    const { clock, presence, broker } = this.#options;
    await drainConnections([...this.#users.all()], seconds, clock, () => this.#publisher.inFlight);
    this.#stopTicking?.();
    await presence.close();
    await broker.close();
  }

  #seen({ user, bearer }: Connection): void {
    const { store, clock } = this.#options;
    store.seen.touch({ user: user.id, name: user.name, kind: bearer.kind, lastSeen: clock.now() });
  }

  #take({ bearer, session, firstJoin, wantsEvents, takesBatches, span }: Admission): Connection {
    const { clock, singleSession, stats } = this.#options;
    this.#lastId += 1;
    const id = `${this.#ids}${this.#lastId.toString(36)}`;
    const connection = new Connection({
      id,
      user: this.#users.enter(bearer.userId, bearer.name, bearer.kind),
      session,
      bearer,
      login: singleSession ? (bearer.login ?? id) : undefined,
      newBudget: this.#newBudget,
      firstJoin,
      wantsEvents,
      batches: takesBatches ? this.#batches : undefined,
      openedAt: clock.now(),
      traffic: stats.hot,
    });
    this.#users.add(connection);
    if (span !== undefined) this.#handshakes.keep(connection, span);
    return connection;
  }

  async #register(connection: Connection, span: Span | undefined): Promise<void> {
    const { presence, singleSession } = this.#options;
    // The user's channel announces a newer login: the node listens to it before it compares this
    // one with the others.
    if (singleSession) await connection.user.listening;
    const [result] = await Promise.all([endWith(presenceStep(span), presence.connect(connection)), connection.user.listening]);
    const isSure = connection.registered();
    if (result === 'replaced') connection.replaced();
    else if (!isSure) await endWith(kickStep(span), this.#single.replaceOutdated([connection]));
  }

  /** @param since When the socket opened, milliseconds of the steady clock. */
  #welcome(connection: Connection, since: number): void {
    if (!connection.open) return;
    const { node, clock, heartbeatSeconds, messageMaxChars, conversationMaxChars, frameMaxBytes, roomLimit, presence, stats } =
      this.#options;
    if (connection.phase === Phase.replaced) {
      this.#single.replace(connection);
      return;
    }
    const { user, session, bearer, firstJoin } = connection;
    const online = presence.onlineCount;
    this.#counts.sentOnline(connection, online);
    connection.welcome(
      buildFrame('welcome', {
        session,
        user: { id: user.id, name: user.name, kind: bearer.kind },
        node,
        online,
        heartbeat: heartbeatSeconds,
        expiresAt: bearer.expiresAt,
        limits: {
          messageChars: messageMaxChars,
          conversationChars: conversationMaxChars,
          frameBytes: frameMaxBytes,
          rooms: roomLimit,
        },
        features: connection.features,
      }),
    );
    stats.welcome.record((clock.steady() - since) / 1000);
    connection.subscribe(EVERYONE);
    this.#expiry.watch(connection, clock.now());
    this.#seen(connection);
    this.#offline.deliver(connection);
    if (firstJoin !== undefined) this.#frames.join(connection, undefined, firstJoin.room, firstJoin.since);
    connection.releaseEarly();
  }

  /** Unix milliseconds of the clock that all nodes share, as far as it is known here. */
  readonly #sharedNow = (): number => this.#options.clock.now() - this.#options.clockOffset() * 1000;
  readonly #newBudget = (): ConnectionBudget => new ConnectionBudget(this.#options.frameLimits, this.#options.clock.steady());

  /** Keeps a frame until `welcome` was sent. */
  #hold(connection: Connection, handle: () => void): void {
    if (!connection.hold(handle)) connection.end('RATE_LIMITED', RETRY_SECONDS);
  }

  #tick(): void {
    const { clock, background } = this.#options;
    const at = clock.steady();
    background.run('counts', () => {
      // The count in `welcome` may be newer than the last one of presence: nobody gets the older
      // one after it.
      this.#counts.online(this.#options.presence.onlineCount);
      this.#counts.flush(at, this.#users.size);
    });
    // One that fails holds up none of the others.
    background.run('sweeps', () => this.#rooms.sweep(at));
    background.run('sweeps', () => this.#expiry.sweep(clock.now()));
    background.run('sweeps', () => this.#endCutOff(at));
  }

  #endCutOff(now: number): void {
    if (this.#cutOffAt === undefined || now - this.#cutOffAt <= this.#options.stateLostSeconds * 1000) return;
    for (const connection of [...this.#users.all()]) connection.end('STATE_LOST');
  }

  /** If a signal fails, its user connects again and gets what it carried. */
  #signalled(user: string, payload: Uint8Array): void {
    try {
      this.#signals.received(user, payload);
    } catch (error) {
      this.#options.background.failed('signals', error);
      for (const connection of [...this.#users.of(user)]) connection.end('UNAVAILABLE');
    }
  }

  #connectivity(up: boolean): void {
    this.#cutOffAt = up ? undefined : (this.#cutOffAt ?? this.#options.clock.steady());
  }
}
