import type { ServerFrame as HubFrame, ChatMessage as HubMessage } from '#libs/protocol/frame-types.ts';

type MembersOf<F> = F extends unknown ? keyof F : never;
type MemberOf<F, K> = F extends unknown ? (K extends keyof F ? F[K] : never) : never;

/** A frame of the hub, as a test reads it: it may have the members of any frame. */
export type ServerFrame = { readonly type: string; readonly messages?: readonly PageMessage[] } & {
  readonly [K in Exclude<MembersOf<HubFrame>, 'type' | 'messages'>]?: MemberOf<HubFrame, K>;
};

/** The `message` member of a message, or of an `ack`, which has no sender and no text. */
export type ChatMessage = Pick<HubMessage, 'id' | 'at'> & Partial<HubMessage> & { readonly offset?: number };

/** A message on a page. */
export interface PageMessage {
  readonly offset: number;
  readonly message: ChatMessage;
  readonly version?: number;
}

/** Returns the `message` member. Throws if the frame has none. */
export function messageOf(frame: ServerFrame): ChatMessage {
  if (typeof frame.message !== 'object') throw new TypeError(`no message in ${JSON.stringify(frame)}`);
  return frame.message;
}
