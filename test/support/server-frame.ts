import type { ServerFrame as HubFrame, ChatMessage as HubMessage } from '#libs/protocol/frame-types.ts';

type MembersOf<F> = F extends unknown ? keyof F : never;
type MemberOf<F, K> = F extends unknown ? (K extends keyof F ? F[K] : never) : never;

/** A frame from the hub as a test reads it: a member of any frame may be there. */
export type ServerFrame = { readonly type: string; readonly messages?: readonly PageMessage[] } & {
  readonly [K in Exclude<MembersOf<HubFrame>, 'type' | 'messages'>]?: MemberOf<HubFrame, K>;
};

/** The `message` of a message, or of an `ack`, which has no sender and no text. */
export type ChatMessage = Pick<HubMessage, 'id' | 'at'> & Partial<HubMessage> & { readonly offset?: number };

export interface PageMessage {
  readonly offset: number;
  readonly message: ChatMessage;
  readonly version?: number;
}

/** The `message` member as an object; throws where the frame has none. */
export function messageOf(frame: ServerFrame): ChatMessage {
  if (typeof frame.message !== 'object') throw new TypeError(`no message in ${JSON.stringify(frame)}`);
  return frame.message;
}
