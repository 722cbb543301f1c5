/** The port to the network: one open socket, and the native fan-out. */

/** One open socket. Never touched after it was closed: `Connection` guards every call. */
export interface Socket {
  /**
   * 1: sent, 0: queued in the outbox, 2: dropped, and the socket is being closed (outbox over its
   * limit).
   */
  send(frame: string | Uint8Array): number;
  /** Sends a close frame and closes at once; the close event comes before this returns. */
  end(code: number, reason: string): void;
  subscribe(topic: string): unknown;
  unsubscribe(topic: string): unknown;
  /** Publishes to every subscriber of the topic on this node but this socket. */
  publish(topic: string, frame: string): unknown;
  /** Sends a protocol ping; its pong bears the same text (RFC 6455 section 5.5.3). */
  ping(text: string): unknown;
  /** Bytes in the outbox. */
  getBufferedAmount(): number;
}

/** Native fan-out of one node: one call reaches every socket subscribed to the topic. */
export interface Fanout {
  /** @param receivers How many sockets subscribe to the topic: for the count of bytes. */
  publish(topic: string, frame: string | Uint8Array, receivers: number): unknown;
}

/** Topic of every connection of the node. */
export const EVERYONE = 'all';

/** Topic to which a connection subscribes for one publication (`Connection.publishAlone`). */
export const ALONE = 'one';

/** Topic of a room's subscribers on this node. */
export function roomTopic(room: string): `r:${string}` {
  return `r:${room}`;
}

/**
 * Topic of the subscribers that get all events of the room's log, for events that are no messages
 * (M7).
 */
export function roomEventsTopic(room: string): `e:${string}` {
  return `e:${room}`;
}

/** The topic of the messages of a room, by that of its events; undefined for any other topic. */
export function messagesTopic(topic: string): string | undefined {
  return topic.startsWith('e:') ? `r:${topic.slice(2)}` : undefined;
}
