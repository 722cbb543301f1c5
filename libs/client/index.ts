/** The exports of `@parley/client`, the client of a Parley hub. */

export type {
  AckFrame,
  ChatMessage,
  DrainingFrame,
  ErrorFrame,
  HistoryFrame,
  JoinedFrame,
  JoinTarget,
  KickedFrame,
  MatchedFrame,
  MemberFrame,
  MessageFrame,
  OfflineMessageFrame,
  OfflineMessagesCompleteFrame,
  OnlineFrame,
  PageMessage,
  Person,
  Position,
  PresenceFrame,
  ResyncFrame,
  RoomClosedFrame,
  RoomOnlineFrame,
  ServerFrame,
  TokenExpiringFrame,
  TypingFrame,
  WelcomeFrame,
} from '#libs/protocol/frame-types.ts';
export type { BackoffOptions } from './backoff.ts';
export { ClientError, type ClientErrorCode } from './client-error.ts';
export type {
  ClientEvents,
  JoinedEvent,
  JoinResult,
  MessageEvent,
  MessageOrigin,
  PushFrame,
  ResyncEvent,
  RoomLostEvent,
  UserChangedEvent,
} from './client-events.ts';
export type { ParleyClientOptions, TokenRequest } from './client-options.ts';
export { ClientState, type ClientStatus, type StatusReason } from './client-status.ts';
export type { SendOptions, SentMessage } from './outbox.ts';
export { ParleyClient } from './parley-client.ts';
export { VERSION } from './version.ts';
