/** The parts of the client SDK and of the login that the chat uses. Tests implement them. */
import type { ClientEvents, ParleyClient, Person } from '#libs/client/index.ts';

/** The events of `ChatClient`. */
export type ChatEvents = ClientEvents;

/** The part of `ParleyClient` that the chat uses. */
export type ChatClient = Pick<
  ParleyClient,
  'status' | 'welcome' | 'on' | 'newId' | 'join' | 'leave' | 'send' | 'sendTo' | 'discard' | 'history' | 'presence' | 'typing' | 'delivered'
>;

/** The part of `Account` that the chat uses. */
export interface ChatAccount {
  readonly user: Person & { readonly kind: string };
  /** Calls the hub's HTTP API as this user. Rejects with an error that has a `code`. */
  call(method: string, path: string, body?: object): Promise<unknown>;
}
