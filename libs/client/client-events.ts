import type {
  ChatMessage,
  CommandFrame,
  DrainingFrame,
  ErrorFrame,
  InformFrame,
  KickedFrame,
  MatchedFrame,
  MemberFrame,
  OfflineMessagesCompleteFrame,
  OnlineFrame,
  PageMessage,
  Person,
  RoomClosedFrame,
  RoomOnlineFrame,
  ServerFrame,
  TokenExpiringFrame,
  TypingFrame,
  WelcomeFrame,
} from '#libs/protocol/frame-types.ts';
import type { ClientStatus } from './client-status.ts';

/**
 * How a message came: `live`, as it was published; `recovered`, after a reconnect; `offline`,
 * because it waited while the user had no session.
 */
export type MessageOrigin = 'live' | 'recovered' | 'offline';

/** A push of a service: show an `inform`, act on a `command`. */
export type PushFrame = InformFrame | CommandFrame;

/** The event `message`. */
export interface MessageEvent {
  readonly room: string;
  /** Absent in rooms that keep nothing. */
  readonly offset?: number;
  readonly message: ChatMessage;
  readonly origin: MessageOrigin;
}

/**
 * Messages of a room could not be recovered. Show `messages`, the room's latest page, in place of
 * what was shown.
 */
export interface ResyncEvent {
  readonly room: string;
  readonly epoch: string;
  readonly offset: number;
  readonly messages: readonly PageMessage[];
  /**
   * `join`: found at the join after a reconnect. `resync`: the hub lost the sequence while
   * connected.
   */
  readonly reason: 'resync' | 'join';
}

/**
 * The result of `join`. Keep `epoch` and `offset` to recover later with `since`.
 *
 * @example
 * const { epoch, offset } = await client.join('news');
 * // after a reload
 * const { recovered, messages } = await client.join('news', { since: { epoch, offset } });
 */
export interface JoinResult {
  readonly room: string;
  /** Distinct users in the room. */
  readonly count: number;
  /** Absent, like `offset`, in rooms that keep nothing. */
  readonly epoch?: string;
  readonly offset?: number;
  /**
   * True: `messages` are exactly those after the given position. False: they are the latest page.
   */
  readonly recovered: boolean;
  /** Oldest first. They do not come as `message` events. */
  readonly messages: readonly PageMessage[];
}

/** The event `joined`. */
export interface JoinedEvent extends JoinResult {
  /**
   * True after a reconnect. The missed messages came before as `message` events, or as `resync`.
   */
  readonly automatic: boolean;
}

/**
 * The client is out of a room: it could not be joined again, or the user lost access (`FORBIDDEN`).
 * It is not joined again.
 */
export interface RoomLostEvent {
  readonly room: string;
  readonly code: string;
  readonly message: string;
}

/**
 * `getToken` returned the token of another user. The client left the rooms of the user before and
 * dropped the waiting calls.
 */
export interface UserChangedEvent {
  readonly before: Person;
  readonly user: Person;
}

/**
 * The events of a client with the argument of their listeners. Listen before `connect()`: events
 * are not repeated.
 */
export interface ClientEvents {
  /**
   * The state of the client has changed.
   * @example client.on('status', ({ state, reason, retryAt }) => banner(state, reason?.code, retryAt));
   */
  readonly status: ClientStatus;
  /**
   * Every frame as it came, before the client handles it.
   * @example client.on('frame', (frame) => console.debug(frame.type));
   */
  readonly frame: ServerFrame;
  /**
   * A connection is open: the first one, and each one after a loss.
   * @example client.on('welcome', ({ user, limits }) => composer.limit(user.name, limits.messageChars));
   */
  readonly welcome: WelcomeFrame;
  /**
   * Another user than before is logged in. Comes after `welcome`.
   * @example client.on('user_changed', ({ user }) => startOver(user));
   */
  readonly user_changed: UserChangedEvent;
  /**
   * A message, the user's own included: each one once, in order in each room.
   * @example client.on('message', ({ room, offset, message, origin }) => show(room, offset, message, origin));
   */
  readonly message: MessageEvent;
  /**
   * Messages of a room could not be recovered: show this page instead.
   * @example client.on('resync', ({ room, messages }) => replace(room, messages));
   */
  readonly resync: ResyncEvent;
  /**
   * All messages that waited for the user came, as `message` events.
   * @example client.on('offline_messages_complete', ({ count }) => badge(count));
   */
  readonly offline_messages_complete: OfflineMessagesCompleteFrame;
  /**
   * The number of distinct users online changed.
   * @example client.on('online', ({ count }) => show(count));
   */
  readonly online: OnlineFrame;
  /**
   * The number of distinct users in a room changed.
   * @example client.on('room_online', ({ room, count }) => show(room, count));
   */
  readonly room_online: RoomOnlineFrame;
  /**
   * A distinct user came into a room, or left it; in rooms of up to 200 users.
   * @example client.on('member', ({ room, action, user }) => list(room)[action](user));
   */
  readonly member: MemberFrame;
  /**
   * Another user types; it holds for a few seconds.
   * @example client.on('typing', ({ room, user }) => hint(room, user.name));
   */
  readonly typing: TypingFrame;
  /**
   * A partner was found.
   * @example client.on('matched', ({ room, with: partner }) => open(room, partner.name));
   */
  readonly matched: MatchedFrame;
  /**
   * A room is over, and the client has left it.
   * @example client.on('room_closed', ({ room, reason }) => end(room, reason));
   */
  readonly room_closed: RoomClosedFrame;
  /**
   * A service pushed something that the client shows.
   * @example client.on('inform', ({ body }) => toast(body));
   */
  readonly inform: InformFrame;
  /**
   * A service pushed something that the client acts on.
   * @example client.on('command', ({ code, body }) => handlers[code]?.(body));
   */
  readonly command: CommandFrame;
  /**
   * The hub ends this connection for good; `status` follows.
   * @example client.on('kicked', ({ reason, by }) => console.warn(reason, by));
   */
  readonly kicked: KickedFrame;
  /**
   * The node shuts down; the client reconnects by itself.
   * @example client.on('draining', ({ reconnectIn }) => console.info(`back in ${reconnectIn} s`));
   */
  readonly draining: DrainingFrame;
  /**
   * The token ends in a minute; the client renews it by itself.
   * @example client.on('token_expiring', ({ expiresAt }) => console.info(expiresAt));
   */
  readonly token_expiring: TokenExpiringFrame;
  /**
   * An error that belongs to no call of this client.
   * @example client.on('error', ({ code, message }) => console.warn(code, message));
   */
  readonly error: ErrorFrame;
  /**
   * A room was entered. Comes in order with the `message` events.
   * @example client.on('joined', ({ room, automatic, count }) => !automatic && show(room, count));
   */
  readonly joined: JoinedEvent;
  /**
   * A room could not be entered again after a reconnect, or the user was removed from it.
   * @example client.on('room_lost', ({ room, code }) => close(room, code));
   */
  readonly room_lost: RoomLostEvent;
}
