import type { Broker } from '#libs/broker/broker.ts';
import { Room } from '#libs/hub/rooms/room.ts';
import { Retention } from '#libs/messages/room-access.ts';
import type { CheckedFrame } from '#libs/protocol/client-frame.ts';
import { HISTORY_LIMIT, PAGE_BYTES } from '#libs/protocol/limits.ts';
import { buildPage, messageMember } from '#libs/protocol/server-frame.ts';
import type { MessageStore, StoredMessage } from '#libs/store/message-store.ts';

export interface HistorySources {
  readonly broker: Pick<Broker, 'before'>;
  readonly messages: Pick<MessageStore, 'before'>;
}

/** Finished messages, and whether older ones are left. */
interface Items {
  readonly items: Uint8Array;
  readonly more: boolean;
}

const NOTHING: Items = { items: new Uint8Array(), more: false };

/** The answer to `history`, from where a room that keeps this much has its messages. Rejects with `HubError` `UNAVAILABLE`. */
export async function historyPage(
  sources: HistorySources,
  { id, room, before = Number.POSITIVE_INFINITY, limit = HISTORY_LIMIT }: CheckedFrame & { readonly name: 'history' },
  retention: Retention,
): Promise<Buffer> {
  const { items, more } = retention === Retention.none ? NOTHING : await itemsBefore(sources, room, before, limit, retention);
  const [head, end] = buildPage('history', { id, room, more });
  return Buffer.concat([Buffer.from(head), items, Buffer.from(end)]);
}

async function itemsBefore(
  { broker, messages }: HistorySources,
  room: string,
  before: number,
  limit: number,
  retention: Retention,
): Promise<Items> {
  if (retention === Retention.history) {
    const page = await messages.before(room, before, limit, PAGE_BYTES);
    return storedItems(page.messages, page.more);
  }
  const { publications, more } = await broker.before(room, before, { count: limit, bytes: PAGE_BYTES });
  return { items: Room.items(room, publications), more };
}

/** As many of the newest messages of the store as a page may have bytes, at least one. */
function storedItems(messages: readonly StoredMessage[], older: boolean): Items {
  const items: string[] = [];
  let bytes = 0;
  for (const { offset, id, sender, text, data, at } of messages.toReversed()) {
    const item = `{"offset":${offset},${messageMember(id, sender, text, data, at)}`;
    bytes += Buffer.byteLength(item);
    if (bytes > PAGE_BYTES && items.length > 0) break;
    items.push(item);
  }
  return { items: Buffer.from(items.reverse().join()), more: older || items.length < messages.length };
}
