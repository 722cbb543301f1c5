import type { Broker } from '#libs/broker/broker.ts';
import { Room } from '#libs/hub/rooms/room.ts';
import { Retention } from '#libs/messages/room-access.ts';
import type { ClientFrame } from '#libs/protocol/client-frame.ts';
import { PAGE_BYTES } from '#libs/protocol/limits.ts';
import { historyHead, joinedEnd, messageMember } from '#libs/protocol/server-frame.ts';
import type { MessageStore, StoredMessage } from '#libs/store/message-store.ts';

export interface HistorySources {
  readonly broker: Pick<Broker, 'before'>;
  readonly messages: Pick<MessageStore, 'before'>;
}

/** The answer to `history`, from where a room that keeps this much has its messages. Rejects with `HubError` `UNAVAILABLE`. */
export async function historyPage(
  { broker, messages }: HistorySources,
  { id, room, before, limit }: ClientFrame & { readonly type: 'history' },
  retention: Retention,
): Promise<Buffer> {
  const head = Buffer.from(historyHead(id, room));
  if (retention === Retention.none) return Buffer.concat([head, Buffer.from(joinedEnd(false))]);
  if (retention === Retention.history) {
    const page = await messages.before(room, before, limit, PAGE_BYTES);
    return Buffer.concat([head, storedItems(page.messages, page.more)]);
  }
  const page = await broker.before(room, before, { count: limit, bytes: PAGE_BYTES });
  return Buffer.concat([head, Room.items(room, page.publications), Buffer.from(joinedEnd(page.more))]);
}

/** Messages of the store as the rest of a `history` frame: as many of the newest as a page may have bytes, at least one. */
function storedItems(messages: readonly StoredMessage[], older: boolean): Buffer {
  const items: string[] = [];
  let bytes = 0;
  for (const { offset, id, sender, text, data, at } of messages.toReversed()) {
    const item = `{"offset":${offset},${messageMember(id, sender, text, data, at)}`;
    bytes += Buffer.byteLength(item);
    if (bytes > PAGE_BYTES && items.length > 0) break;
    items.push(item);
  }
  return Buffer.from(items.reverse().join() + joinedEnd(older || items.length < messages.length));
}
