import type { ClientStatus } from './client-status.ts';
import type {
  ChatMessage,
  DrainingFrame,
  ErrorFrame,
  KickedFrame,
  MatchedFrame,
  MemberFrame,
  OfflineMessagesCompleteFrame,
  OnlineFrame,
  PageMessage,
  Person,
  PushFrame,
  RoomClosedFrame,
  RoomOnlineFrame,
  ServerFrame,
  TokenExpiringFrame,
  TypingFrame,
  WelcomeFrame,
} from './server-frame.ts';

/** How a message came: as it was said, as part of what was missed, or as what waited for a user without a session. */
export type MessageOrigin = 'live' | 'recovered' | 'offline';

export interface MessageEvent {
  readonly room: string;
  /** Absent in rooms that keep nothing. */
  readonly offset?: number;
  readonly message: ChatMessage;
  readonly origin: MessageOrigin;
}

/** Something of a room could not be recovered: show these messages, its latest page, in place of what was there. */
export interface ResyncEvent {
  readonly room: string;
  readonly epoch: string;
  readonly offset: number;
  readonly messages: readonly PageMessage[];
  /** `join`: found when the room was joined again. `resync`: the hub lost it while connected. */
  readonly reason: 'resync' | 'join';
}

export interface JoinResult {
  readonly room: string;
  /** Distinct users in the room. */
  readonly count: number;
  /** Absent, like `offset`, in rooms that keep nothing. */
  readonly epoch?: string;
  readonly offset?: number;
  /** The messages are exactly what was missed since the position asked for; else they are the latest page. */
  readonly recovered: boolean;
  /** Oldest first. They do not come as `message` events. */
  readonly messages: readonly PageMessage[];
}

export interface JoinedEvent extends JoinResult {
  /** Joined again after a reconnect: what was missed has come as `message` events, or as `resync`. */
  readonly automatic: boolean;
}

/** A room could not be joined again, or this user was taken out of it (`FORBIDDEN`): it is no longer kept. */
export interface RoomLostEvent {
  readonly room: string;
  readonly code: string;
  readonly message: string;
}

/** `getToken` gave the token of another user: the rooms of the one before were left, and what waited was dropped. */
export interface UserChangedEvent {
  readonly before: Person;
  readonly user: Person;
}

/** What `on` takes, and what each listener gets. */
export interface ClientEvents {
  readonly status: ClientStatus;
  /** Every frame as it came, before anything is made of it. */
  readonly frame: ServerFrame;
  readonly welcome: WelcomeFrame;
  readonly user_changed: UserChangedEvent;
  readonly message: MessageEvent;
  readonly resync: ResyncEvent;
  readonly offline_messages_complete: OfflineMessagesCompleteFrame;
  readonly online: OnlineFrame;
  readonly room_online: RoomOnlineFrame;
  readonly member: MemberFrame;
  readonly typing: TypingFrame;
  readonly matched: MatchedFrame;
  readonly room_closed: RoomClosedFrame;
  readonly inform: PushFrame;
  readonly command: PushFrame;
  readonly kicked: KickedFrame;
  readonly draining: DrainingFrame;
  readonly token_expiring: TokenExpiringFrame;
  /** An error that answers nothing this client asked. */
  readonly error: ErrorFrame;
  readonly joined: JoinedEvent;
  readonly room_lost: RoomLostEvent;
}
