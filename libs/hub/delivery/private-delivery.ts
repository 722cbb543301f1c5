/**
 * The one door of private rooms to a connection (R5, M4): what the user's own channel brings, held while the connection joins the room or while its sequence
 * is compared with the broker's, and left to offline delivery while that runs.
 */
import type { Broker, Page, Position } from '#libs/broker/broker.ts';
import type { Clock } from '#libs/hub/ports/clock.ts';
import type { HubStats } from '#libs/hub/ports/stats.ts';
import { type Connection, Phase } from '#libs/hub/sessions/connection.ts';
import { Delivery, isSameEpoch, type PrivateFrame } from '#libs/hub/sessions/delivery.ts';
import type { LocalUser, Reached } from '#libs/hub/sessions/local-user.ts';
import type { LocalUsers } from '#libs/hub/sessions/local-users.ts';
import { pageItems } from '#libs/messages/message-page.ts';
import { Retention } from '#libs/messages/room-access.ts';
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
  readonly #followUp: (user: LocalUser, room: string, reached: Reached) => Promise<void>;
  /** Connections whose sequence of a room is compared with the broker's, and the frames that arrive meanwhile. */
  readonly #recovering = new WeakMap<Connection, Map<string, Delivery>>();

  constructor(options: PrivateDeliveryOptions, followUp: (user: LocalUser, room: string, reached: Reached) => Promise<void>) {
    this.#options = options;
    this.#followUp = followUp;
  }

  /**
   * Gives a connection the frames that were held during its join, unless access was lost meanwhile (R7).
   *
   * @param page The position that the page was cut at; undefined if the join failed.
   */
  release(connection: Connection, room: string, delivery: Delivery, page?: Position): void {
    const { user, bearer } = connection;
    if (page !== undefined) connection.pageSent(room, page);
    const frames = delivery.release(page);
    const reached = user.reached?.get(room);
    if (reached === undefined || !mayEnter(bearer.kind, room)) return;
    for (const frame of frames) this.give(connection, room, frame);
    if (page === undefined || reached.epoch === undefined || reached.epoch === page.epoch) return;
    // Either the page or the channel is behind.
    if (reached.held === undefined) this.run(user, () => this.#followUp(user, room, reached));
    this.#doubt(connection, room);
  }

  #doubt(connection: Connection, room: string): void {
    this.run(connection.user, async () => {
      await this.reconcile(connection, room);
    });
  }

  /** The one door to a connection. `from`: the lowest offset that a `resync` makes good. */
  give(connection: Connection, room: string, message: PrivateFrame, from = message.offset): void {
    const delivery = this.#recovering.get(connection)?.get(room) ?? connection.delivery(room);
    if (delivery !== undefined) {
      // The client connects again and gets everything above the cursor.
      if (!delivery.hold(message)) connection.end('UNAVAILABLE');
      return;
    }
    const page = connection.pages.get(room);
    if (page !== undefined && !message.isResync && !isSameEpoch(page.epoch, message.epoch)) {
      this.#doubt(connection, room);
      return;
    }
    if (connection.wasPaged(room, message) || isPostponed(connection, room, message.retention, from)) return;
    // To a connection without the feature the offset is passed, and nothing is sent (M7).
    const isSent = message.isResync || connection.wantsEvents || isMessageFrame(message.frame);
    if (isSent) connection.deliver(message.frame);
    if (page !== undefined) connection.pageSent(room, message);
    if (message.isResync || !isSent) return;
    connection.receipts.sent();
    this.#options.stats.hot.delivered += 1;
  }

  /**
   * Compares the sequence that a connection knows with the broker's. If it is another one, the connection gets `resync`; what comes meanwhile is held. If the
   * user's own channel is behind, it is followed up. Resolves with the broker's position; undefined if it is under way already, or the user is gone.
   */
  async reconcile(connection: Connection, room: string): Promise<Position | undefined> {
    const known = this.#recovering.get(connection);
    if (known?.has(room) === true) return undefined;
    const delivery = new Delivery(undefined);
    const deliveries = known ?? new Map<string, Delivery>();
    this.#recovering.set(connection, deliveries.set(room, delivery));
    const { user } = connection;
    const latest = await this.patiently(user, () => this.#options.broker.before(room, Number.POSITIVE_INFINITY, PAGE));
    deliveries.delete(room);
    const page = connection.pages.get(room);
    if (latest === undefined || page === undefined || !connection.open) return undefined;
    const { position } = latest;
    const isKnown = page.epoch === position.epoch;
    if (!isKnown) connection.deliver(resync(room, latest));
    this.release(connection, room, delivery, isKnown ? page : position);
    return position;
  }

  /** If it fails, the user's connections end: the client connects again and gets everything above the cursor. */
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

/** Leaves stored messages from this offset on to offline delivery, if that runs or begins after `welcome`: it sends them once, in order. */
function isPostponed(connection: Connection, room: string, retention: Retention, offset: number): boolean {
  if (retention !== Retention.history || connection.phase === Phase.live) return false;
  connection.postpone(room, offset);
  return true;
}

/** The `resync` frame with the latest page of a private room. */
export function resync(room: string, { position, publications }: Pick<Page, 'position' | 'publications'>): Buffer {
  const [head, end] = buildPage('resync', { room, ...position, recovered: false });
  return Buffer.concat([Buffer.from(head), pageItems(room, publications), Buffer.from(end)]);
}
