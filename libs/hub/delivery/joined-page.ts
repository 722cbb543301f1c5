/** The `joined` frames of a room. */
import type { Page } from '#libs/broker/broker.ts';
import type { Room } from '#libs/hub/rooms/room.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import { type LogItems, logItems } from '#libs/messages/message-page.ts';
import { joinedEnd, joinedHead, joinedLive } from '#libs/protocol/server-frame.ts';

/** Returns a page of a room, cut at the offset that the relay has reached. */
export function roomPage(
  { name, epoch, offset, count }: Room,
  id: string | undefined,
  recovered: boolean,
  items: LogItems,
  more: boolean,
): Buffer {
  return joinedPage(joinedHead(id, { room: name, count, epoch, offset, recovered }), items, more);
}

/** Returns a page of a private room, cut at the position of the broker's page. */
export function privatePage(
  { wantsEvents }: Connection,
  { name, count }: Room,
  id: string | undefined,
  recovered: boolean,
  { position, publications }: Pick<Page, 'position' | 'publications'>,
  more: boolean,
): Buffer {
  const items = logItems(name, publications, recovered && wantsEvents);
  return joinedPage(joinedHead(id, { room: name, count, ...position, recovered }), items, more);
}

/**
 * Returns true if a page that others follow has any item. A client takes its position from the last
 * item. So a page whose events the client does not get is left out.
 */
export function hasItems({ messages, events = '' }: LogItems): boolean {
  return messages.length > 0 || events !== '';
}

/** Joins the parts of a `joined` frame. */
export function joinedPage(head: string, { messages, events }: LogItems, more: boolean): Buffer {
  return Buffer.concat([Buffer.from(head), messages, Buffer.from(joinedEnd(more, events))]);
}

/** Returns the answer to a join of a room that the connection is in. */
export function joinedAgain(connection: Connection, room: Room, id: string | undefined): string {
  const { name, keeps, count } = room;
  const position = keeps ? room : connection.deliveries.pages.get(name);
  if (position === undefined) return joinedLive(id, name, count);
  const { epoch, offset } = position;
  return joinedHead(id, { room: name, count, epoch, offset, recovered: true }) + joinedEnd(false);
}
