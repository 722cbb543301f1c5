/** The loop from the broker to the sockets of this node. */
import type { BrokerListener, Position, Publication, Topic } from '#libs/broker/broker.ts';
import type { Fanout } from '#libs/hub/ports/socket.ts';
import type { HubStats } from '#libs/hub/ports/stats.ts';
import type { Room } from '#libs/hub/rooms/room.ts';
import type { Rooms } from '#libs/hub/rooms/rooms.ts';
import { pageItems } from '#libs/messages/message-page.ts';
import { MEMBER_EVENTS_MAX, PAGE_MESSAGES } from '#libs/protocol/limits.ts';
import { latestStates } from '#libs/protocol/room-event.ts';
import { buildFrame, buildPage, isMessageFrame, JsonText, publishedAt } from '#libs/protocol/server-frame.ts';
import { decodeRoomSignal, type EndReason } from '#libs/protocol/signals.ts';
import type { AckQueue } from './ack-queue.ts';
import type { Counts } from './counts.ts';
import type { MessageTraces } from './message-traces.ts';
import type { UnknownSignals } from './unknown-signals.ts';

export interface RelayOptions {
  readonly node: string;
  readonly rooms: Rooms;
  readonly counts: Counts;
  readonly fanout: Fanout;
  readonly acks: Pick<AckQueue, 'relayed'>;
  readonly stats: HubStats;
  /** Undefined: traces are off. */
  readonly traces?: MessageTraces | undefined;
  /** Unix milliseconds of the clock that all nodes share, as far as it is known here. */
  readonly now: () => number;
  /**
   * A signal on a user's own channel, or on that of every node. The bytes are valid during the call
   * only.
   */
  userSignal(user: string, payload: Uint8Array): void;
  /** The room is over: reports it to everybody who is in it here, and takes them out. */
  closed(room: string, reason: EndReason): void;
  readonly unknownSignals: UnknownSignals;
  /** Signals of these topics may have been lost. */
  healed(topics: readonly Topic[]): void;
  connectivity(up: boolean): void;
  /** A bug was thrown while a message of the broker was handled. */
  failed(error: unknown): void;
}

export class Relay implements BrokerListener {
  readonly #options: RelayOptions;

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  publication(name: string, offset: number, frame: Uint8Array, isLasting = false): void {
    const room = this.#options.rooms.get(name);
    if (room === undefined || room.isPrivate) return;
    try {
      this.#publication(room, offset, frame, isLasting);
    } catch (error) {
      this.#options.failed(error);
      this.#makeGood(room, offset, frame);
    }
  }

  #publication(room: Room, offset: number, frame: Uint8Array, isLasting: boolean): void {
    const { fanout, acks, stats, now, traces } = this.#options;
    room.relayed(offset, frame, isLasting);
    if (!isMessageFrame(frame)) {
      if (room.eventSubscriptions > 0) fanout.publish(room.eventsTopic, frame, room.eventSubscriptions);
      return;
    }
    if (room.subscriptions === 0) return;
    fanout.publish(room.topic, frame, room.subscriptions);
    acks.relayed(room);
    stats.hot.delivered += room.subscriptions;
    stats.delivery[room.kind].record((now() - publishedAt(frame)) / 1000);
    if (traces?.waits) traces.heard(room, frame);
  }

  signal(topic: Topic, payload: Uint8Array): void {
    try {
      if (topic.startsWith('u:')) {
        this.#options.userSignal(topic.slice(2), payload);
        return;
      }
      const room = this.#options.rooms.get(topic.slice(2));
      if (room !== undefined) this.#signal(room, payload);
    } catch (error) {
      this.#options.failed(error);
    }
  }

  reset(name: string, position: Position, latest: readonly Publication[]): void {
    const room = this.#options.rooms.get(name);
    if (room !== undefined) this.#guarded(() => this.#reset(room, position, latest));
  }

  healed(topics: readonly Topic[]): void {
    this.#guarded(() => this.#options.healed(topics));
  }

  connectivity(up: boolean): void {
    this.#guarded(() => this.#options.connectivity(up));
  }

  /**
   * Guards a handler that runs in the broker's socket callbacks: an error thrown there would end
   * the process.
   */
  #guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#options.failed(error);
    }
  }

  /**
   * Sends `resync` to connections that may not have the publication, with it as the newest of the
   * latest page.
   */
  #makeGood(room: Room, offset: number, frame: Uint8Array): void {
    const before = room.recent.kept().filter((publication) => publication.offset < offset);
    const latest = latestStates([...before, { offset, frame: Buffer.from(frame) }]).slice(-PAGE_MESSAGES);
    this.#guarded(() => this.#reset(room, { epoch: room.epoch, offset }, latest));
  }

  #reset(room: Room, position: Position, latest: readonly Publication[]): void {
    const { fanout, stats } = this.#options;
    room.restart(position, latest);
    stats.recovered('lost');
    const { epoch, offset } = position;
    const [head, end] = buildPage('resync', { room: room.name, epoch, offset, recovered: false });
    fanout.publish(room.topic, Buffer.concat([Buffer.from(head), pageItems(room.name, latest), Buffer.from(end)]), room.subscriptions);
  }

  /** A message of a room that keeps nothing. */
  #live(room: Room, frame: Uint8Array): void {
    const { fanout, acks, stats, now, traces } = this.#options;
    fanout.publish(room.topic, frame, room.subscriptions);
    acks.relayed(room);
    stats.hot.delivered += room.subscriptions;
    stats.delivery[room.kind].record((now() - publishedAt(frame)) / 1000);
    if (traces?.waits) traces.heard(room, frame);
  }

  #signal(room: Room, payload: Uint8Array): void {
    const { node, fanout, counts, closed, unknownSignals } = this.#options;
    const signal = decodeRoomSignal(payload);
    switch (signal.kind) {
      case 'frame':
        // Messages of private rooms come over the own channels of their members (R5).
        if (!room.isPrivate) this.#live(room, signal.frame);
        break;
      case 'entered':
      case 'left': {
        const { kind, count, user } = signal;
        counts.room(room, count);
        if (count > MEMBER_EVENTS_MAX) break;
        const action = kind === 'entered' ? 'joined' : 'left';
        const frame = buildFrame('member', { room: room.name, action, user: new JsonText(user) });
        fanout.publish(room.topic, frame, room.subscriptions);
        break;
      }
      case 'counted':
        counts.room(room, signal.count);
        break;
      case 'typing':
        if (signal.node !== node) fanout.publish(room.topic, signal.frame, room.subscriptions);
        break;
      case 'pushed':
        fanout.publish(room.topic, signal.frame, room.subscriptions);
        break;
      case 'closed':
        closed(room.name, signal.reason);
        break;
      case 'unknown':
        unknownSignals.ignore(signal, 'room');
        break;
      default:
        signal satisfies never;
    }
  }
}
