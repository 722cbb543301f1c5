/**
 * The types of all frames. Made from `frames.ts` by `npm run generate`: change the table, not this file.
 * Members that are not listed are ignored, frames of types that are not listed are passed over.
 */

/** Somebody, wherever one is named (F8). */
export interface Person {
  readonly id: string;
  readonly name: string;
  /** `user`, `guest`, `customer`, `agent`, `service`, or the word of the token's issuer (R6). Absent if it is not known. */
  readonly kind?: string;
}

/** Somebody's place in a room's sequence: the last message seen (M5). */
export interface Position {
  /** Changes when the sequence was lost (M3). */
  readonly epoch: string;
  readonly offset: number;
}

/** A room to enter, and from where to recover it. */
export interface JoinTarget {
  readonly room: string;
  readonly since?: Position | undefined;
}

/** A message, as everybody in its room gets it. */
export interface ChatMessage {
  /** The same in every copy of the message, however it comes (M2). */
  readonly id: string;
  readonly from: Person;
  readonly text: string;
  /** Any JSON value: what the sender's program put beside the text. */
  readonly data?: unknown;
  /** Unix milliseconds. */
  readonly at: number;
}

/** A message on a page. */
export interface PageMessage {
  readonly offset: number;
  readonly message: ChatMessage;
  /** Of the state of a message that an event changed (M7). */
  readonly version?: number;
}

/** An event of a room's log that is no message (M7). */
export interface RoomEvent {
  /** The event's own id: the same in every copy. */
  readonly id: string;
  /** What happened. Pass over a kind that you do not know. */
  readonly kind: string;
  /** The message that the event changes. */
  readonly target?: { readonly offset: number; readonly id: string };
  /** Of the target's state. It replaces a state that does not have a higher version. */
  readonly version?: number;
  readonly message?: ChatMessage;
  /** Unix milliseconds. */
  readonly at: number;
}

/** An event on a page. */
export interface PageEvent {
  readonly offset: number;
  readonly event: RoomEvent;
}

/** Frames that a client sends, by their names in the table: several may have one `type`. */
export interface ClientFrames {
  /** Enters a room. */
  readonly join: { readonly type: 'join'; readonly id?: string | undefined; readonly room: string; readonly since?: Position | undefined };
  /** Enters up to 100 rooms; each gets its own answer. */
  readonly join_many: { readonly type: 'join'; readonly id?: string | undefined; readonly rooms: readonly JoinTarget[] };
  /** Leaves a room. */
  readonly leave: { readonly type: 'leave'; readonly id?: string | undefined; readonly room: string };
  /** Publishes a message in a room. */
  readonly message: {
    readonly type: 'message';
    readonly id?: string | undefined;
    readonly room: string;
    readonly text: string;
    readonly data?: unknown;
  };
  /** The same; `sessionId` stands for `room`. */
  readonly message_session: {
    readonly type: 'message';
    readonly id?: string | undefined;
    readonly sessionId: string;
    readonly text: string;
    readonly data?: unknown;
  };
  /** Publishes a direct message to a user. */
  readonly message_direct: {
    readonly type: 'message';
    readonly id?: string | undefined;
    /** The id of a user. */
    readonly to: string;
    readonly text: string;
    readonly data?: unknown;
  };
  /** Reads a page of messages below the offset `before`, oldest first. */
  readonly history: {
    readonly type: 'history';
    readonly id?: string | undefined;
    readonly room: string;
    readonly before?: number | undefined;
    readonly limit?: number | undefined;
  };
  /** Asks for the distinct users in a room (F8). */
  readonly presence: { readonly type: 'presence'; readonly id?: string | undefined; readonly room: string };
  /** Asks how many distinct users are online. */
  readonly query: { readonly type: 'query'; readonly id?: string | undefined; readonly query: 'onLineNumber' };
  /** All messages up to `offset` reached this user (M6). */
  readonly delivered: { readonly type: 'delivered'; readonly id?: string | undefined; readonly room: string; readonly offset: number };
  /** Tells the others that this user types, at most once a second. */
  readonly typing: { readonly type: 'typing'; readonly id?: string | undefined; readonly room: string };
  /** Gives the connection a new token of the same user. */
  readonly refresh: { readonly type: 'refresh'; readonly id?: string | undefined; readonly token: string };
  /** Asks for a sign of life, for clients that see no protocol pings. */
  readonly ping: { readonly type: 'ping'; readonly id?: string | undefined };
}

/** A frame as a client sends it. */
export type ClientFrame = ClientFrames[keyof ClientFrames];

/**
 * The answers to the frames of a client. `ErrorFrame` answers any of them, and is the only answer
 * to those that are not listed.
 */
export interface Answers {
  readonly join: JoinedFrame;
  readonly join_many: JoinedFrame;
  readonly leave: LeftFrame;
  readonly message: AckFrame;
  readonly message_session: AckFrame;
  readonly message_direct: AckFrame;
  readonly history: HistoryFrame;
  readonly presence: PresenceFrame;
  readonly query: OnlineFrame;
  readonly refresh: RefreshedFrame;
  readonly ping: PongFrame;
}

/** The first frame (H6). */
export interface WelcomeFrame {
  readonly type: 'welcome';
  /** The tab's label (H1). */
  readonly session: string;
  readonly user: { readonly id: string; readonly name: string; readonly kind: string };
  readonly node: string;
  /** Distinct users online. */
  readonly online: number;
  /** Seconds between protocol pings. */
  readonly heartbeat: number;
  /** The end of the token, Unix seconds. */
  readonly expiresAt: number;
  readonly limits: {
    /** The longest text, in code points (F2). */
    readonly messageChars: number;
    /** The longest text in a conversation, in code points (F2). */
    readonly conversationChars: number;
    readonly frameBytes: number;
    readonly rooms: number;
  };
  /** Features that this connection opted in to (H2). */
  readonly features: readonly string[];
}

/** The room was entered. */
export interface JoinedFrame {
  readonly type: 'joined';
  readonly id?: string;
  readonly room: string;
  /** Distinct users. */
  readonly count: number;
  /** Absent, like `offset`, in rooms that keep nothing (R3). */
  readonly epoch?: string;
  readonly offset?: number;
  /** `messages` are exactly what was missed (M5). */
  readonly recovered: boolean;
  /** Oldest first. */
  readonly messages: readonly PageMessage[];
  /** With the feature `events` and `recovered`: the events between these messages (M7), oldest first. */
  readonly events?: readonly PageEvent[];
  /** There are more messages: a `joined` is followed by further ones, a `history` has older ones before it. */
  readonly more: boolean;
}

/** The room was left; without an `id`: the user was taken out of it. */
export interface LeftFrame {
  readonly type: 'left';
  readonly id?: string;
  readonly room: string;
}

/** The message was taken; in a room that keeps history it is stored (M1). */
export interface AckFrame {
  readonly type: 'ack';
  readonly id?: string;
  readonly room: string;
  readonly message: { readonly id: string; readonly offset?: number; readonly at: number };
}

/** A page of messages. */
export interface HistoryFrame {
  readonly type: 'history';
  readonly id?: string;
  readonly room: string;
  /** Oldest first. */
  readonly messages: readonly PageMessage[];
  /** There are more messages: a `joined` is followed by further ones, a `history` has older ones before it. */
  readonly more: boolean;
}

/** The distinct users in the room. */
export interface PresenceFrame {
  readonly type: 'presence';
  readonly id?: string;
  readonly room: string;
  /** Distinct users. */
  readonly count: number;
  readonly users: readonly Person[];
}

/** A message in a joined room or in a private one (R5), the user's own messages included. */
export interface MessageFrame {
  readonly type: 'message';
  /** Absent in rooms that keep nothing (R3). */
  readonly offset?: number;
  readonly room: string;
  readonly message: ChatMessage;
}

/** An event of a room's log that is no message, to connections with the feature `events` (M7). */
export interface EventFrame {
  readonly type: 'event';
  readonly offset: number;
  readonly room: string;
  readonly event: RoomEvent;
}

/** The number of distinct users online changed (P4). */
export interface OnlineFrame {
  readonly type: 'online';
  readonly id?: string;
  /** Distinct users. */
  readonly count: number;
}

/** The number of distinct users in a room changed (P4). */
export interface RoomOnlineFrame {
  readonly type: 'room_online';
  readonly room: string;
  /** Distinct users. */
  readonly count: number;
}

/** A distinct user `joined` or `left` a room (of up to 200 users). */
export interface MemberFrame {
  readonly type: 'member';
  readonly room: string;
  readonly action: 'joined' | 'left';
  readonly user: Person;
}

/** The room's sequence was lost: it goes on from here (M4). */
export interface ResyncFrame {
  readonly type: 'resync';
  readonly room: string;
  /** Changes when the sequence was lost (M3). */
  readonly epoch: string;
  readonly offset: number;
  readonly recovered: false;
  /** Oldest first. */
  readonly messages: readonly PageMessage[];
}

/** Somebody else types; it holds for a few seconds. */
export interface TypingFrame {
  readonly type: 'typing';
  readonly room: string;
  readonly user: Person;
}

/** The token ends soon (F6): refresh it, or be closed with 4001. */
export interface TokenExpiringFrame {
  readonly type: 'token_expiring';
  /** Unix seconds. */
  readonly expiresAt: number;
}

/** Comes just before close 4509 or 4510. */
export interface KickedFrame {
  readonly type: 'kicked';
  /** `SESSION_REPLACED`, `LOGGED_OUT`, `DISCONNECTED` or `BANNED`. */
  readonly reason: string;
  /** The reason that a service gave, in full. */
  readonly by?: string;
  /** The end of the ban, Unix milliseconds; with `BANNED` only. */
  readonly until?: number;
}

/** Comes just before close 1012: connect again after so many seconds, spread over the drain window. */
export interface DrainingFrame {
  readonly type: 'draining';
  /** Seconds. */
  readonly reconnectIn: number;
}

/** A frame was refused; the connection lives. */
export interface ErrorFrame {
  readonly type: 'error';
  readonly id?: string;
  /** The room that the refused frame named (F4). */
  readonly room?: string;
  /** A code of the contract's table of errors. */
  readonly code: string;
  /** For people. */
  readonly message: string;
  /** The same may succeed later. */
  readonly retryable: boolean;
  /** Seconds. */
  readonly retryAfter?: number;
}

/** At connect: a message that came while the user had no session (M6). */
export interface OfflineMessageFrame {
  readonly type: 'offline_message';
  readonly room: string;
  readonly offset: number;
  readonly message: ChatMessage;
  /** Of the state of a message that an event changed (M7). */
  readonly version?: number;
}

/** All offline messages were sent. */
export interface OfflineMessagesCompleteFrame {
  readonly type: 'offline_messages_complete';
  /** The `offline_message` frames before it. */
  readonly count: number;
}

/** A private pairing, to both (A9). */
export interface MatchedFrame {
  readonly type: 'matched';
  readonly room: string;
  readonly with: Person;
}

/** The room `expired` or was `closed`: nobody is in it any longer. */
export interface RoomClosedFrame {
  readonly type: 'room_closed';
  readonly room: string;
  readonly reason: 'expired' | 'closed';
}

/** A service pushed something that the client shows (A11). */
export interface InformFrame {
  readonly type: 'inform';
  readonly code?: string;
  readonly body: unknown;
}

/** A service or the hub pushed something that the client acts on (A9, A10, A11). */
export interface CommandFrame {
  readonly type: 'command';
  readonly code?: string;
  readonly body: unknown;
}

/** The new token is in use. */
export interface RefreshedFrame {
  readonly type: 'refreshed';
  readonly id?: string;
  /** Unix seconds. */
  readonly expiresAt: number;
}

/** The hub's time. */
export interface PongFrame {
  readonly type: 'pong';
  readonly id?: string;
  /** Unix milliseconds. */
  readonly at: number;
}

/** Frames that the server sends, by `type`. */
export interface ServerFrames {
  readonly welcome: WelcomeFrame;
  readonly joined: JoinedFrame;
  readonly left: LeftFrame;
  readonly ack: AckFrame;
  readonly history: HistoryFrame;
  readonly presence: PresenceFrame;
  readonly message: MessageFrame;
  readonly event: EventFrame;
  readonly online: OnlineFrame;
  readonly room_online: RoomOnlineFrame;
  readonly member: MemberFrame;
  readonly resync: ResyncFrame;
  readonly typing: TypingFrame;
  readonly token_expiring: TokenExpiringFrame;
  readonly kicked: KickedFrame;
  readonly draining: DrainingFrame;
  readonly error: ErrorFrame;
  readonly offline_message: OfflineMessageFrame;
  readonly offline_messages_complete: OfflineMessagesCompleteFrame;
  readonly matched: MatchedFrame;
  readonly room_closed: RoomClosedFrame;
  readonly inform: InformFrame;
  readonly command: CommandFrame;
  readonly refreshed: RefreshedFrame;
  readonly pong: PongFrame;
}
/** A frame as the server sends it. */
export type ServerFrame = ServerFrames[keyof ServerFrames];
