/** Messages of a room as items of a page, as `history` answers over a socket and over HTTP. */
import type { Broker, Publication } from '#libs/broker/broker.ts';
import { PAGE_BYTES, PAGE_MESSAGES } from '#libs/protocol/limits.ts';
import { eventOf, latestStates, type MessageState, stateIn } from '#libs/protocol/room-event.ts';
import { isMessageFrame, itemStart, messageMember, messageOf } from '#libs/protocol/server-frame.ts';
import type { MessageStore, ReadMessage } from '#libs/store/message-store.ts';
import { Retention } from './room-access.ts';

/** The sources of messages. */
export interface MessageSources {
  readonly broker: Pick<Broker, 'before'>;
  readonly messages: Pick<MessageStore, 'before'>;
}

/** A request for a page of messages. */
export interface PageRequest {
  readonly room: string;
  readonly retention: Retention;
  /** Only messages below this offset; `Infinity`: the newest. */
  readonly before: number;
  /** At most this many messages. */
  readonly limit: number;
  /** At most this many bytes of items. A page has at least one message, whatever its size. */
  readonly bytes: number;
}

/** A page of messages as JSON text. */
export interface MessagePage {
  /** `{offset,message}`, separated by commas, oldest first. */
  readonly items: Buffer;
  /** Whether older messages are left. */
  readonly more: boolean;
}

const COMMA = Buffer.from(',');
const NOTHING: MessagePage = { items: Buffer.alloc(0), more: false };

/**
 * Returns the newest messages below an offset in their latest state: from the store if the room
 * keeps history, otherwise from its stream. Rejects with `HubError` `UNAVAILABLE`.
 */
export async function pageBefore({ broker, messages }: MessageSources, request: PageRequest): Promise<MessagePage> {
  const { room, retention, before, limit, bytes } = request;
  if (retention === Retention.none) return NOTHING;
  if (retention === Retention.history) {
    const page = await messages.before(room, before, limit, bytes);
    return storedItems(page.messages, bytes, page.more);
  }
  const { publications, more } = await broker.before(room, before, { count: limit, bytes });
  return { items: pageItems(room, publications), more };
}

/**
 * Returns the messages of a stretch of a room's log as items of a page, in their latest state. They
 * are cut out of the finished frames.
 */
export function pageItems(room: string, publications: readonly Publication[]): Buffer {
  return joined(latestStates(publications).map(({ offset, frame, change }) => messageItem(room, offset, frame, change)));
}

/**
 * As many of the newest messages of a stretch of a room's log as a page holds, as `pageItems` gives
 * them.
 */
export function newestItems(room: string, publications: readonly Publication[]): Buffer {
  return pageItems(room, newest(latestStates(publications)));
}

/** The newest messages that fit a page. */
function newest(messages: readonly Publication[]): readonly Publication[] {
  let bytes = PAGE_BYTES;
  let first = messages.length;
  for (const { frame, change = frame } of messages.toReversed()) {
    bytes -= change.length;
    if (messages.length - first === PAGE_MESSAGES || (bytes < 0 && first < messages.length)) break;
    first -= 1;
  }
  return messages.slice(first);
}

/** A stretch of a room's log for a connection that gets its events one by one. */
export interface LogItems {
  /** As `MessagePage.items`. */
  readonly messages: Buffer;
  /**
   * `{offset,event}`, separated by commas, oldest first. Undefined for a connection without the
   * feature `events`.
   */
  readonly events: string | undefined;
}

/**
 * Returns the missed part of a room's log as two lists. Without the feature `events` (M7) the
 * messages have their latest state within the stretch. With it they are as they were published, and
 * the events beside them have the changes.
 */
export function logItems(room: string, publications: readonly Publication[], wantsEvents: boolean): LogItems {
  if (!wantsEvents) return { messages: pageItems(room, publications), events: undefined };
  const messages: Item[] = [];
  const events: Item[] = [];
  for (const { offset, frame } of publications) {
    if (isMessageFrame(frame)) messages.push(messageItem(room, offset, frame));
    else events.push(cutItem(room, offset, frame));
  }
  return { messages: joined(messages), events: joined(events).toString() };
}

/** An item in pieces, so that a page is copied once. */
type Item = readonly Uint8Array[];

function messageItem(room: string, offset: number, frame: Uint8Array, change?: Uint8Array): Item {
  const state = change && stateIn(eventOf(change));
  return state === undefined ? cutItem(room, offset, frame) : [Buffer.from(stateItem(offset, state))];
}

function stateItem(offset: number, { message, version }: MessageState): string {
  return `{"offset":${offset},"message":${message}${version === 0 ? '' : `,"version":${version}`}}`;
}

/** Returns the item of a finished frame: the frame without its `room` and `type`. */
function cutItem(room: string, offset: number, frame: Uint8Array): Item {
  return [Buffer.from(`{"offset":${offset},`), frame.subarray(itemStart(room, frame))];
}

function joined(items: readonly Item[]): Buffer {
  return Buffer.concat(items.flatMap((item, i) => (i === 0 ? item : [COMMA, ...item])));
}

/**
 * Returns as many of the newest messages as fit. The limit counts the bytes of whole items; the
 * store counts those of texts only.
 */
function storedItems(messages: readonly ReadMessage[], bytesMax: number, older: boolean): MessagePage {
  const items: string[] = [];
  let bytes = 0;
  for (const message of messages.toReversed()) {
    const item = stateItem(message.offset, latestStateOf(message));
    bytes += Buffer.byteLength(item);
    if (bytes > bytesMax && items.length > 0) break;
    items.push(item);
  }
  return { items: Buffer.from(items.reverse().join()), more: older || items.length < messages.length };
}

/** Returns the latest state of a stored message. */
export function latestStateOf({ id, sender, text, data, at, change }: ReadMessage): MessageState {
  const state = change && stateIn(change.body);
  return state ?? { message: messageOf(messageMember(id, sender, text, data, at)).text, version: 0 };
}
