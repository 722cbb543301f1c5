/** The client of a Parley hub: what `@parley/client` gives. */
export type { BackoffOptions } from './backoff.ts';
export { ClientError, type ClientErrorCode } from './client-error.ts';
export type {
  ClientEvents,
  JoinedEvent,
  JoinResult,
  MessageEvent,
  MessageOrigin,
  ResyncEvent,
  RoomLostEvent,
} from './client-events.ts';
export type { ParleyClientOptions, TokenRequest } from './client-options.ts';
export { ClientState, type ClientStatus, type StatusReason } from './client-status.ts';
export type { SendOptions, SentMessage } from './outbox.ts';
export { ParleyClient } from './parley-client.ts';
export type { ChatMessage, PageMessage, Person, Position, ServerFrame, WelcomeFrame } from './server-frame.ts';
