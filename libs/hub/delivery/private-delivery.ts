/**
 * The one door of private rooms to a connection (R5, M4). What the user's own channel brings is
 * sent, held or left to offline delivery, as the state of the room's delivery has it.
 */
import type { Broker, Page, Position } from '#libs/broker/broker.ts';
import type { Clock } from '#libs/hub/ports/clock.ts';
import type { HubStats } from '#libs/hub/ports/stats.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import { Delivery, DeliveryState, isSameEpoch, type PrivateFrame } from '#libs/hub/sessions/delivery.ts';
import type { LocalUser } from '#libs/hub/sessions/local-user.ts';
import type { LocalUsers } from '#libs/hub/sessions/local-users.ts';
import type { PrivateFeed } from '#libs/hub/sessions/private-feed.ts';
import { pageItems } from '#libs/messages/message-page.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { PAGE_BYTES, PAGE_MESSAGES } from '#libs/protocol/limits.ts';
import { buildPage, isMessageFrame } from '#libs/protocol/server-frame.ts';
import { mayEnter } from '#libs/protocol/user-kinds.ts';
import type { Background } from '#libs/telemetry/background.ts';

const PAGE = { count: PAGE_MESSAGES, bytes: PAGE_BYTES };
const RETRY_MS = 1000;

export interface PrivateDeliveryOptions {
  readonly users: LocalUsers;
  readonly broker: Pick<Broker, 'before'>;
  readonly stats: HubStats;
  readonly clock: Pick<Clock, 'wait'>;
  readonly background: Background;
}

export class PrivateDelivery {
  readonly #options: PrivateDeliveryOptions;
  /** Follows up the user's own channel, whose sequence may be behind. */
  readonly #followUp: (user: LocalUser, room: string, feed: PrivateFeed) => Promise<void>;

  constructor(options: PrivateDeliveryOptions, followUp: (user: LocalUser, room: string, feed: PrivateFeed) => Promise<void>) {
    this.#options = options;
    this.#followUp = followUp;
  }

  /**
   * Gives a connection the frames that were held during its delivery, unless access was lost
   * meanwhile (R7). If the delivery was a join that failed and the connection knows a position,
   * that is compared with the broker's first.
   *
   * @param page The position that the page was cut at; undefined if none was sent.
   */
  release(connection: Connection, room: string, delivery: Delivery, page?: Position): void {
    const { user, bearer, deliveries } = connection;
    if (page !== undefined) deliveries.pageSent(room, page);
    const frames = delivery.release(page);
    const feed = user.feeds.get(room);
    if (feed === undefined || !mayEnter(bearer.kind, room)) return;
    if (page === undefined && isComparable(deliveries.pages.get(room))) {
      this.#compareSoon(connection, room, frames);
      return;
    }
    for (const frame of frames) this.give(connection, room, frame);
    if (page === undefined || feed.epoch === undefined || feed.epoch === page.epoch) return;
    // Either the page or the channel is behind.
    if (feed.state === DeliveryState.live) this.run(user, () => this.#followUp(user, room, feed));
    this.#compareSoon(connection, room);
  }

  #compareSoon(connection: Connection, room: string, held: readonly PrivateFrame[] = []): void {
    this.run(connection.user, async () => {
      await this.compare(connection, room, held);
    });
  }

  /** The one door to a connection. `from`: the lowest offset that a `resync` makes good. */
  give(connection: Connection, room: string, message: PrivateFrame, from = message.offset): void {
    const { deliveries } = connection;
    const state = deliveries.state(room, message.retention);
    switch (state) {
      case DeliveryState.asking:
      case DeliveryState.entering:
      case DeliveryState.recovering:
      case DeliveryState.comparing:
        // The client connects again and gets everything above the cursor.
        if (deliveries.get(room)?.hold(message) === false) connection.end('UNAVAILABLE');
        return;
      case DeliveryState.offline:
        if (!deliveries.wasPaged(room, message)) deliveries.postpone(room, from);
        return;
      case DeliveryState.live:
        this.#send(connection, room, message);
        return;
      default:
        state satisfies never;
    }
  }

  #send(connection: Connection, room: string, message: PrivateFrame): void {
    const { deliveries } = connection;
    const page = deliveries.pages.get(room);
    if (page !== undefined) {
      if (!message.isResync && !isSameEpoch(page.epoch, message.epoch)) {
        this.#compareSoon(connection, room);
        return;
      }
      if (deliveries.wasPaged(room, message)) return;
      deliveries.pageSent(room, message);
    }
    // To a connection without the feature the offset is passed, and nothing is sent (M7).
    const isSent = message.isResync || connection.wantsEvents || isMessageFrame(message.frame);
    if (!isSent) return;
    connection.deliver(message.frame);
    if (message.isResync) return;
    connection.receipts.sent();
    this.#options.stats.hot.delivered += 1;
  }

  /**
   * Compares the sequence that a connection knows with the broker's. If it is another one, the
   * connection gets `resync`; what comes meanwhile is held. If the user's own channel is behind, it
   * is followed up.
   *
   * @param held What waits for the outcome already.
   * @returns The broker's position. Undefined if a delivery is under way: that finds the position
   *   by itself; or if a join took over, or the user is gone.
   */
  async compare(connection: Connection, room: string, held: readonly PrivateFrame[] = []): Promise<Position | undefined> {
    const { user, deliveries } = connection;
    if (deliveries.get(room) !== undefined) return undefined;
    const delivery = Delivery.comparison(held);
    deliveries.begin(room, delivery);
    const latest = await this.patiently(user, () => this.#options.broker.before(room, Number.POSITIVE_INFINITY, PAGE));
    if (deliveries.get(room) !== delivery) return undefined;
    deliveries.end(room);
    const page = deliveries.pages.get(room);
    if (latest === undefined || page === undefined || !connection.open) return undefined;
    const { position } = latest;
    const isKnown = page.epoch === position.epoch;
    if (!isKnown) connection.deliver(resync(room, latest));
    this.release(connection, room, delivery, isKnown ? page : position);
    return position;
  }

  /**
   * If it fails, the user's connections end: the client connects again and gets everything above
   * the cursor.
   */
  run(user: LocalUser, work: () => Promise<void>): void {
    this.#options.background.run('private-rooms', work, () => {
      for (const connection of [...this.#options.users.of(user.id)]) connection.end('UNAVAILABLE');
    });
  }

  isHere(user: LocalUser): boolean {
    return this.#options.users.of(user.id)[0]?.user === user;
  }

  /** Asks until it is answered; undefined once the user is gone. */
  async patiently<T>(user: LocalUser, ask: () => Promise<T>): Promise<T | undefined> {
    while (this.isHere(user)) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof HubError)) throw error;
        await this.#options.clock.wait(RETRY_MS);
      }
    }
    return undefined;
  }
}

/** Whether a position is of a known sequence: that of offline delivery alone is not. */
function isComparable(page: Position | undefined): boolean {
  return page !== undefined && page.epoch !== '';
}

/** The `resync` frame with the latest page of a private room. */
export function resync(room: string, { position, publications }: Pick<Page, 'position' | 'publications'>): Buffer {
  const [head, end] = buildPage('resync', { room, ...position, recovered: false });
  return Buffer.concat([Buffer.from(head), pageItems(room, publications), Buffer.from(end)]);
}
