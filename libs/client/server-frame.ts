/** Frames of the hub as a client reads them (F of the contract). Members that are not listed are ignored, types that are not listed are passed over. */

export interface Person {
  readonly id: string;
  readonly name: string;
  /**
   * Who they are: `user`, `guest`, `customer`, `agent`, `service`, or what the issuer of their token calls it. The hub's word, where a name is their own. Absent
   * where the hub does not know: in messages stored before it told.
   */
  readonly kind?: string;
}

export interface ChatMessage {
  /** The same for every copy of a message, however often and over whatever way it comes (M2). */
  readonly id: string;
  readonly from: Person;
  readonly text: string;
  /** What the sender's program put beside the text: any JSON value. */
  readonly data?: unknown;
  /** Unix milliseconds. */
  readonly at: number;
}

/** A message on a page. `offset` is its place in the room (M3). */
export interface PageMessage {
  readonly offset: number;
  readonly message: ChatMessage;
}

/** Where somebody is in a room's sequence: what `since` takes. */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

export interface WelcomeFrame {
  readonly type: 'welcome';
  readonly session: string;
  readonly user: Person & { readonly kind: string };
  readonly node: string;
  /** Distinct users online. */
  readonly online: number;
  /** Seconds between signs of life of the hub. */
  readonly heartbeat: number;
  /** End of the token, Unix seconds. */
  readonly expiresAt: number;
  readonly limits: { readonly messageChars: number; readonly frameBytes: number; readonly rooms: number };
}

export interface JoinedFrame {
  readonly type: 'joined';
  readonly id?: string;
  readonly room: string;
  /** Distinct users in the room. */
  readonly count: number;
  /** Absent, like `offset`, in rooms that keep nothing (R3). */
  readonly epoch?: string;
  readonly offset?: number;
  readonly recovered: boolean;
  readonly messages: readonly PageMessage[];
  /** More of what was missed follows in a frame of its own. */
  readonly more: boolean;
}

export interface MessageFrame {
  readonly type: 'message';
  readonly room: string;
  /** Absent in rooms that keep nothing. */
  readonly offset?: number;
  readonly message: ChatMessage;
}

export interface OfflineMessageFrame {
  readonly type: 'offline_message';
  readonly room: string;
  readonly offset: number;
  readonly message: ChatMessage;
}

export interface AckFrame {
  readonly type: 'ack';
  readonly id?: string;
  readonly room: string;
  readonly message: { readonly id: string; readonly offset?: number; readonly at: number };
}

export interface HistoryFrame {
  readonly type: 'history';
  readonly id?: string;
  readonly room: string;
  readonly messages: readonly PageMessage[];
  readonly more: boolean;
}

export interface PresenceFrame {
  readonly type: 'presence';
  readonly id?: string;
  readonly room: string;
  readonly count: number;
  readonly users: readonly Person[];
}

export interface ErrorFrame {
  readonly type: 'error';
  readonly id?: string;
  /** The room that the refused frame named. */
  readonly room?: string;
  /** A code of the contract's table of errors. */
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  /** Seconds. */
  readonly retryAfter?: number;
}

export interface OnlineFrame {
  readonly type: 'online';
  readonly id?: string;
  readonly count: number;
}

export interface RoomOnlineFrame {
  readonly type: 'room_online';
  readonly room: string;
  readonly count: number;
}

export interface MemberFrame {
  readonly type: 'member';
  readonly room: string;
  readonly action: 'joined' | 'left';
  readonly user: Person;
}

export interface TypingFrame {
  readonly type: 'typing';
  readonly room: string;
  readonly user: Person;
}

export interface MatchedFrame {
  readonly type: 'matched';
  readonly room: string;
  readonly with: Person;
}

export interface ResyncFrame {
  readonly type: 'resync';
  readonly room: string;
  readonly epoch: string;
  readonly offset: number;
  readonly recovered: false;
  readonly messages: readonly PageMessage[];
}

export interface RoomClosedFrame {
  readonly type: 'room_closed';
  readonly room: string;
  readonly reason: 'expired' | 'closed';
}

/** What a service pushed: `inform` is to be shown, `command` to be acted on. */
export interface PushFrame {
  readonly type: 'inform' | 'command';
  readonly code?: string;
  readonly body: unknown;
}

export interface KickedFrame {
  readonly type: 'kicked';
  /** `SESSION_REPLACED`, `LOGGED_OUT`, `DISCONNECTED` or `BANNED`. */
  readonly reason: string;
  /** What whoever did it gave as the reason. */
  readonly by?: string;
}

export interface DrainingFrame {
  readonly type: 'draining';
  /** Seconds. */
  readonly reconnectIn: number;
}

/** What waited has come (M6). */
export interface OfflineMessagesCompleteFrame {
  readonly type: 'offline_messages_complete';
  readonly count: number;
}

/** The token ends soon: the client gets a new one by itself. */
export interface TokenExpiringFrame {
  readonly type: 'token_expiring';
  /** Unix seconds. */
  readonly expiresAt: number;
}

export type ServerFrame =
  | WelcomeFrame
  | JoinedFrame
  | MessageFrame
  | OfflineMessageFrame
  | AckFrame
  | HistoryFrame
  | PresenceFrame
  | ErrorFrame
  | OnlineFrame
  | RoomOnlineFrame
  | MemberFrame
  | TypingFrame
  | MatchedFrame
  | ResyncFrame
  | RoomClosedFrame
  | PushFrame
  | KickedFrame
  | DrainingFrame
  | { readonly type: 'left'; readonly id?: string; readonly room: string }
  | OfflineMessagesCompleteFrame
  | TokenExpiringFrame
  | { readonly type: 'refreshed'; readonly id?: string; readonly expiresAt: number }
  | { readonly type: 'pong'; readonly id?: string; readonly at: number };
