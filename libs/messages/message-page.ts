/** Messages of a room as the items of a page: what `history` answers, over a socket and over HTTP. */
import type { Broker, Publication } from '#libs/broker/broker.ts';
import { messageMember, messageStart } from '#libs/protocol/server-frame.ts';
import type { MessageStore, StoredMessage } from '#libs/store/message-store.ts';
import { Retention } from './room-access.ts';

export interface MessageSources {
  readonly broker: Pick<Broker, 'before'>;
  readonly messages: Pick<MessageStore, 'before'>;
}

export interface PageRequest {
  readonly room: string;
  readonly retention: Retention;
  /** Only messages below this offset; `Infinity`: the newest. */
  readonly before: number;
  /** At most this many messages. */
  readonly limit: number;
  /** At most this many bytes of items, yet always one message. */
  readonly bytes: number;
}

export interface MessagePage {
  /** `{offset,message}`, separated by commas, oldest first. */
  readonly items: Buffer;
  /** Whether older messages are left. */
  readonly more: boolean;
}

const COMMA = Buffer.from(',');
const NOTHING: MessagePage = { items: Buffer.alloc(0), more: false };

/** The newest messages below an offset: from the store if the room keeps history, otherwise from its stream. Rejects with `HubError` `UNAVAILABLE`. */
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

/** Publications as items of a page, cut out of the finished frames without parsing them. */
export function pageItems(room: string, publications: readonly Publication[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const { offset, frame } of publications) {
    if (parts.length > 0) parts.push(COMMA);
    parts.push(Buffer.from(`{"offset":${offset},`), frame.subarray(messageStart(room, offset)));
  }
  return Buffer.concat(parts);
}

/** The store counts the bytes of texts, a page those of whole items: as many of the newest as fit. */
function storedItems(messages: readonly StoredMessage[], bytesMax: number, older: boolean): MessagePage {
  const items: string[] = [];
  let bytes = 0;
  for (const { offset, id, sender, text, data, at } of messages.toReversed()) {
    const item = `{"offset":${offset},${messageMember(id, sender, text, data, at)}`;
    bytes += Buffer.byteLength(item);
    if (bytes > bytesMax && items.length > 0) break;
    items.push(item);
  }
  return { items: Buffer.from(items.reverse().join()), more: older || items.length < messages.length };
}
