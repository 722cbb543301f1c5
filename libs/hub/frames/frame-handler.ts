/** Limits and checks the frames of clients, and hands them to the part that handles them (F). */
import type { Bearer } from '#libs/auth/credentials.ts';
import type { Broker } from '#libs/broker/broker.ts';
import type { Counts } from '#libs/hub/delivery/counts.ts';
import type { Joins } from '#libs/hub/delivery/joins.ts';
import type { OfflineMessages } from '#libs/hub/delivery/offline-messages.ts';
import { ABUSE_SECONDS, FrameAllowance, type FrameLimits } from '#libs/hub/limits/frame-budget.ts';
import type { MembershipValidity } from '#libs/hub/rooms/membership-validity.ts';
import type { Room } from '#libs/hub/rooms/room.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import type { Faults } from '#libs/hub/sessions/faults.ts';
import type { FrameBatches } from '#libs/hub/sessions/frame-batches.ts';
import type { Membership, Retention, RoomAccess } from '#libs/messages/room-access.ts';
import type { Presence, PresenceUser } from '#libs/presence/presence.ts';
import { type CheckedFrame, frameId, frameRoom, toClientFrame } from '#libs/protocol/client-frame.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { JoinTarget, Position } from '#libs/protocol/frame-types.ts';
import { arrayTexts, DEPTH_MAX, memberText } from '#libs/protocol/json-text.ts';
import { BATCH_FRAMES_MAX, MEMBER_EVENTS_MAX, PRESENCE_NAMES } from '#libs/protocol/limits.ts';
import { isManagedRoom, isReadAfterEnd, mustJoin } from '#libs/protocol/room-kinds.ts';
import { buildFrame, JsonText } from '#libs/protocol/server-frame.ts';
import { encode } from '#libs/protocol/signals.ts';
import { requirePower, requireRoom } from '#libs/protocol/user-kinds.ts';
import type { MessageStore } from '#libs/store/message-store.ts';
import type { Background } from '#libs/telemetry/background.ts';
import { type HistoryLimit, historyPage, takePage } from './history-page.ts';
import type { OutgoingMessage, Publisher } from './publisher.ts';

/** `typing` is forwarded at most once in this time, milliseconds (F). */
const TYPING_MS = 1000;

export interface FrameHandlerOptions extends HistoryLimit {
  readonly node: string;
  readonly broker: Broker;
  readonly presence: Presence;
  readonly joins: Joins;
  readonly counts: Counts;
  readonly publisher: Publisher;
  readonly batches: Pick<FrameBatches, 'publishToOthers'>;
  readonly access: RoomAccess;
  readonly validity: MembershipValidity;
  readonly messages: Pick<MessageStore, 'before'>;
  readonly offline: OfflineMessages;
  readonly faults: Faults;
  readonly background: Background;
  readonly frameLimits: FrameLimits;
  /** Resolves to the bearer of a token. Rejects with `HubError` `TOKEN_EXPIRED`, `UNAVAILABLE`. */
  verify(token: string): Promise<Bearer>;
  /** The connection has a new token. `before`: the bearer of its previous token. */
  refreshed(connection: Connection, before: Bearer): void;
}

/** A frame with a message for a room or a user. */
type MessageFrame = Pick<CheckedFrame & { readonly name: 'message' }, 'id' | 'text' | 'data'>;

/** The members of a frame that its answer repeats. */
interface FrameLabel {
  readonly id: string | undefined;
  readonly room?: string;
}

export class FrameHandler {
  readonly #options: FrameHandlerOptions;

  constructor(options: FrameHandlerOptions) {
    this.#options = options;
  }

  /**
   * Takes one text frame, which is a frame or an array of them (F9). Answers every kind of bad
   * input; never throws.
   */
  receive(connection: Connection, text: string): void {
    const frames = connection.takesBatches ? arrayItems(text) : undefined;
    if (frames === undefined) {
      this.#receive(connection, text);
      return;
    }
    for (const frame of frames) if (connection.open) this.#receive(connection, frame);
  }

  #receive(connection: Connection, text: string): void {
    const { frameLimits, clock } = this.#options;
    const verdict = connection.budget.take(frameLimits, clock.steady());
    if (verdict !== FrameAllowance.ok) {
      this.#limited(connection, text, verdict);
      return;
    }
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      this.invalid(connection, undefined, new HubError('INVALID_REQUEST', 'a frame is one JSON object'));
      return;
    }
    try {
      this.#handle(connection, toClientFrame(value), text);
    } catch (error) {
      const reported = this.#reported(connection, error);
      if (reported.code === 'INVALID_REQUEST') this.invalid(connection, frameId(value), reported, frameRoom(value));
      else connection.sendError(frameId(value), reported, frameRoom(value));
    }
  }

  /** Enters a room, answered by `joined` or `error`. */
  join(connection: Connection, id: string | undefined, room: string, since: Position | undefined): void {
    this.#options.joins.join(connection, id, room, since, {
      known: () => this.#known(connection, room),
      ask: () => this.#ask(connection, room),
    });
  }

  /** F1: answers a frame that is no frame; closes the connection that goes on sending such. */
  invalid(connection: Connection, id: string | undefined, error: HubError, room?: string): void {
    connection.sendError(id, error, room);
    if (connection.budget.invalidFrame(this.#options.clock.steady())) connection.end('RATE_LIMITED', ABUSE_SECONDS);
  }

  /** `memberText` throws RangeError if `data` has too many levels. */
  #reported(connection: Connection, error: unknown): HubError {
    if (error instanceof RangeError) return new HubError('INVALID_REQUEST', `\`data\` has more than ${DEPTH_MAX} levels`, { cause: error });
    return this.#options.faults.report(error, connection);
  }

  #limited(connection: Connection, text: string, verdict: FrameAllowance): void {
    this.#options.stats.rateLimited('frames');
    if (verdict === FrameAllowance.abuse) {
      connection.end('RATE_LIMITED', ABUSE_SECONDS);
      return;
    }
    const error = new HubError('RATE_LIMITED', undefined, { retryAfter: connection.budget.retryAfter(this.#options.frameLimits) });
    const refused = parsed(text);
    connection.sendError(frameId(refused), error, frameRoom(refused));
  }

  #handle(connection: Connection, frame: CheckedFrame, text: string): void {
    const { joins, offline, clock } = this.#options;
    switch (frame.name) {
      case 'message':
        this.#publish(connection, frame.room, frame, text);
        return;
      case 'message_session':
        this.#publish(connection, frame.sessionId, frame, text);
        return;
      case 'message_direct':
        this.#direct(connection, frame, text);
        return;
      case 'join':
        this.join(connection, frame.id, frame.room, frame.since);
        return;
      case 'join_many':
        for (const [room, since] of firstOfEach(frame.rooms)) this.join(connection, frame.id, room, since);
        return;
      case 'leave':
        if (!joins.leave(connection, frame.room)) throw notJoined(frame.room);
        connection.send(buildFrame('left', { id: frame.id, room: frame.room }));
        return;
      case 'history':
        takePage(this.#options, connection.user);
        this.#answer(connection, frame, this.#history(connection, frame));
        return;
      case 'presence':
        this.#answer(connection, frame, this.#presence(connection, frame.id, frame.room));
        return;
      case 'query':
        requirePower(connection.bearer.kind, 'people');
        this.#answer(
          connection,
          frame,
          this.#options.presence.online().then((count) => {
            this.#options.counts.sentOnline(connection, count);
            return buildFrame('online', { id: frame.id, count });
          }),
        );
        return;
      case 'delivered':
        // Only rooms that the hub makes have cursors.
        if (isManagedRoom(frame.room)) offline.delivered(connection, frame.room, frame.offset);
        return;
      case 'typing':
        this.#typing(connection, frame.room, frame.id);
        return;
      case 'refresh':
        this.#answer(connection, frame, this.#refresh(connection, frame.id, frame.token));
        return;
      case 'ping':
        connection.send(buildFrame('pong', { id: frame.id, at: clock.now() }));
        return;
    }
  }

  #joined(connection: Connection, name: string): Room {
    const room = connection.room(name);
    if (room === undefined) throw notJoined(name);
    return room;
  }

  #answer(connection: Connection, asked: FrameLabel, answer: Promise<string | Uint8Array>): void {
    const { background, faults } = this.#options;
    background.run('answers', () =>
      answer.then(
        (frame) => connection.send(frame),
        (error: unknown) => connection.sendError(asked.id, faults.report(error, connection), asked.room),
      ),
    );
  }

  /**
   * Returns the user's membership if no I/O is needed. Those of managed rooms are kept for all
   * connections of the user; for other rooms each connection's own token decides, and it always
   * decides what its kind may do.
   *
   * @throws HubError if the room's name refuses the user.
   */
  #known(connection: Connection, room: string): Membership | undefined {
    const { access, validity } = this.#options;
    const { user, bearer } = connection;
    requireRoom(bearer.kind, room);
    return isManagedRoom(room) ? user.knownMembership(room, validity) : access.enterByName(user.bearer(bearer), room);
  }

  /** Asks for a membership that is not known. Rejects with `HubError`. */
  #ask({ user, bearer }: Connection, room: string): Promise<Membership> {
    const { access, validity } = this.#options;
    return user.askMembership(room, validity, () => access.enter(user.bearer(bearer), room));
  }

  /** Resolves to the user's membership. Rejects with `HubError`. */
  async #membership(connection: Connection, room: string): Promise<Membership> {
    return this.#known(connection, room) ?? this.#ask(connection, room);
  }

  /**
   * Resolves to the retention of a room that the user may read. Tries the membership first, because
   * it is remembered. A closed conversation asks the store each time.
   */
  async #retention(connection: Connection, room: string): Promise<Retention> {
    try {
      return (await this.#membership(connection, room)).retention;
    } catch (error) {
      // A10: who is no member may read a conversation after its end, too.
      const { code } = HubError.from(error);
      if (code !== 'ROOM_CLOSED' && !(code === 'FORBIDDEN' && isReadAfterEnd(room))) throw error;
      const { user, bearer } = connection;
      return this.#options.access.read(user.bearer(bearer), room);
    }
  }

  #publish(connection: Connection, room: string, frame: MessageFrame, json: string): void {
    const { publisher } = this.#options;
    const joined = connection.room(room);
    const message = messageOf(frame, json, room, joined?.isPrivate === true ? undefined : joined);
    if (joined === undefined && mustJoin(room)) throw notJoined(room);
    const membership = joined?.membership ?? this.#known(connection, room);
    if (membership !== undefined) publisher.publish(connection, membership, message);
    else publisher.publishOnceMember(connection, () => this.#ask(connection, room), message);
  }

  #direct(connection: Connection, frame: CheckedFrame & { readonly name: 'message_direct' }, json: string): void {
    const { access, publisher, validity } = this.#options;
    const { user, bearer } = connection;
    const { to } = frame;
    const message = messageOf(frame, json);
    requirePower(bearer.kind, 'direct');
    const room = access.directRoom(user.id, to);
    const membership = user.knownMembership(room, validity);
    const ask = (): Promise<Membership> => user.askMembership(room, validity, () => access.direct(user.bearer(bearer), to));
    if (membership !== undefined) publisher.publish(connection, membership, message);
    else publisher.publishOnceMember(connection, ask, message);
  }

  /**
   * Reads something of a room. Access may be lost during the read (R7): then it is asked for again.
   *
   * @param ask Resolves with what the user may read; throws or rejects with `HubError` if that is
   *   nothing.
   */
  async #read<T, U>(room: string, ask: () => Promise<T>, read: (allowed: T) => Promise<U>): Promise<U> {
    const { validity } = this.#options;
    for (;;) {
      const stamp = validity.stamp();
      const allowed = await ask();
      const found = await read(allowed);
      if (!isManagedRoom(room) || validity.holds(room, stamp) || (await ask()) === allowed) return found;
    }
  }

  #history(connection: Connection, frame: CheckedFrame & { readonly name: 'history' }): Promise<Uint8Array> {
    const { room } = frame;
    return this.#read(
      room,
      () => this.#retention(connection, room),
      (retention) => historyPage(this.#options, frame, retention),
    );
  }

  async #presence(connection: Connection, id: string | undefined, room: string): Promise<string> {
    const { count, users } = await this.#read(
      room,
      async () => (await this.#membership(connection, room)).retention,
      () => this.#options.presence.room(room, MEMBER_EVENTS_MAX),
    );
    const shown = count > MEMBER_EVENTS_MAX ? users : users.toSorted(byName);
    return buildFrame('presence', { id, room, count, users: shown.slice(0, PRESENCE_NAMES) });
  }

  #typing(connection: Connection, name: string, id: string | undefined): void {
    const { node, broker, batches, clock, background } = this.#options;
    const room = mustJoin(name) ? this.#joined(connection, name) : undefined;
    if (!connection.mayForwardTyping(name, clock.steady(), TYPING_MS)) return;
    const frame = buildFrame('typing', { room: name, user: new JsonText(connection.user.json(connection.bearer.kind)) });
    if (room !== undefined) {
      batches.publishToOthers(connection, room.topic, frame);
      // Nobody is promised that typing is seen.
      background.run('typing', () => broker.emit(room.topic, encode({ kind: 'typing', node, frame })));
      return;
    }
    background.run('typing', () => this.#typingPrivately(connection, id, name, encode({ kind: 'frame', frame })));
  }

  /** Signals to the other members of a private room that the user types. */
  async #typingPrivately(connection: Connection, id: string | undefined, room: string, signal: string): Promise<void> {
    const { broker, background } = this.#options;
    try {
      const { members = [] } = await this.#membership(connection, room);
      for (const member of members) if (member !== connection.user.id) background.run('typing', () => broker.emit(`u:${member}`, signal));
    } catch (error) {
      connection.sendError(id, this.#reported(connection, error), room);
    }
  }

  async #refresh(connection: Connection, id: string | undefined, token: string): Promise<string> {
    const number = connection.beginRefresh();
    const bearer = await this.#options.verify(token);
    if (bearer.userId !== connection.user.id)
      throw new HubError('FORBIDDEN', 'The token belongs to another user: open a new connection with it.');
    // A key set may have answered the one that came later first: that one stays in use.
    const before = connection.open ? connection.refresh(number, bearer) : undefined;
    if (before !== undefined) {
      this.#options.refreshed(connection, before);
      this.#recheck(connection);
    }
    return buildFrame('refreshed', { id, expiresAt: connection.bearer.expiresAt });
  }

  /**
   * Why the user may no longer be in a room; undefined: they may. A backend that is away puts
   * nobody out.
   */
  async #refusal(connection: Connection, room: string): Promise<HubError | undefined> {
    try {
      await this.#membership(connection, room);
      return undefined;
    } catch (error) {
      const reported = this.#options.faults.report(error, connection);
      return reported.retryable ? undefined : reported;
    }
  }

  /** A new token may open fewer rooms than the one before: the connection leaves those (R2). */
  #recheck(connection: Connection): void {
    for (const name of connection.roomNames()) {
      const look = async (): Promise<void> => {
        const reason = await this.#refusal(connection, name);
        if (reason !== undefined && this.#options.joins.takeOut(connection, name, reason))
          connection.send(buildFrame('left', { room: name }));
      };
      // Nobody stays in a room whose place in it is not known.
      this.#options.background.run('rooms', look, () => connection.end('UNAVAILABLE'));
    }
  }
}

/**
 * The frames of an array (F9). Undefined if the text is no such array: it is then one frame, and a
 * bad one unless it is an object.
 */
function arrayItems(text: string): readonly string[] | undefined {
  if (!/^\s*\[/.test(text)) return undefined;
  const value = parsed(text);
  return Array.isArray(value) && value.length > 0 && value.length <= BATCH_FRAMES_MAX ? arrayTexts(text) : undefined;
}

/** A room that is named twice is one room, with one answer. */
function firstOfEach(targets: readonly JoinTarget[]): ReadonlyMap<string, Position | undefined> {
  const rooms = new Map<string, Position | undefined>();
  for (const { room, since } of targets) if (!rooms.has(room)) rooms.set(room, since);
  return rooms;
}

function byName(one: PresenceUser, other: PresenceUser): number {
  if (one.name === other.name) return one.id < other.id ? -1 : 1;
  return one.name < other.name ? -1 : 1;
}

/**
 * The message of a frame. `data` is as it was written: no number of it is changed.
 *
 * @throws RangeError as `memberText`.
 */
function messageOf({ id, text, data }: MessageFrame, json: string, room?: string, joined?: Room): OutgoingMessage {
  const own = data === undefined ? undefined : memberText(json, 'data', DEPTH_MAX);
  return { id, room, joined, text, data: own, frameBytes: Buffer.byteLength(json) };
}

function notJoined(room: string): HubError {
  return new HubError('NOT_JOINED', `Join ${room} first.`);
}

/**
 * A frame that is refused unread: its answer bears its `id`, so that its promise on the client can
 * end.
 */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
