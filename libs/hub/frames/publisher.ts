/**
 * Takes the messages of connections: holds them back at the node's limit, hands them to the writer,
 * answers them.
 */

import type { AckQueue } from '#libs/hub/delivery/ack-queue.ts';
import type { MessageTraces } from '#libs/hub/delivery/message-traces.ts';
import type { UserBytes } from '#libs/hub/limits/user-bytes.ts';
import type { HubStats } from '#libs/hub/ports/stats.ts';
import type { MembershipStamp, MembershipValidity } from '#libs/hub/rooms/membership-validity.ts';
import type { Room } from '#libs/hub/rooms/room.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import type { Faults } from '#libs/hub/sessions/faults.ts';
import type { MessageTrace } from '#libs/messages/message-trace.ts';
import type { MessageRequest, MessageWriter, Written } from '#libs/messages/message-writer.ts';
import { type Membership, Retention, type RoomAccess, Standing } from '#libs/messages/room-access.ts';
import { type ErrorCode, HubError } from '#libs/protocol/errors.ts';
import { isManagedRoom, roomKind } from '#libs/protocol/room-kinds.ts';
import { ack } from '#libs/protocol/server-frame.ts';
import type { Background } from '#libs/telemetry/background.ts';
import { errorType } from '#libs/telemetry/tracer.ts';
import { Lane, SlowMs } from './lane.ts';

/** Refusals that are the hub's fault. */
const FAILURES: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['BUSY', 'NOT_STORED', 'UNAVAILABLE', 'INTERNAL']);

export interface PublisherOptions {
  readonly writer: Pick<MessageWriter, 'write'>;
  readonly bytes: Pick<UserBytes, 'take' | 'draw'>;
  readonly access: Pick<RoomAccess, 'standing' | 'members'>;
  /** Whether a room changed since a membership was given (R7). */
  readonly validity: Pick<MembershipValidity, 'stamp' | 'stands'>;
  readonly acks: Pick<AckQueue, 'send' | 'size'>;
  readonly stats: HubStats;
  readonly faults: Faults;
  readonly background: Background;
  /** Undefined: traces are off. */
  readonly traces?: MessageTraces | undefined;
  /** Milliseconds of a steady clock. */
  readonly steady: () => number;
}

export interface OutgoingMessage {
  /** The sender's own id of the message. */
  readonly id: string | undefined;
  /** The room that the sender named. A refusal names it, too. */
  readonly room: string | undefined;
  readonly text: string;
  /** JSON text. */
  readonly data: string | undefined;
  /** The room, if the connection is in it and gets the message over the room. */
  readonly joined: Room | undefined;
  /** The size of the frame. It counts against the sender's bytes. */
  readonly frameBytes: number;
}

export class Publisher {
  readonly #options: PublisherOptions;
  /** Apart from the others: messages that wait for a database that is away hold back no others. */
  readonly #stored: Lane;
  readonly #unstored: Lane;

  constructor(options: PublisherOptions) {
    this.#options = options;
    const delivered = (): number => options.stats.hot.delivered;
    this.#stored = new Lane(SlowMs.stored, delivered);
    this.#unstored = new Lane(SlowMs.unstored, delivered);
  }

  /** Messages that are not answered yet. */
  get inFlight(): number {
    return this.#stored.inFlight + this.#unstored.inFlight + this.#options.acks.size;
  }

  /** The same by lane: those of rooms with history, and others. */
  get lanes(): { readonly stored: number; readonly unstored: number } {
    return { stored: this.#stored.inFlight, unstored: this.#unstored.inFlight };
  }

  /**
   * Publishes a message and answers the sender, with `ack` or `error`. From here on the message
   * counts as under way. It is with the writer at the end of the call if the sender's bytes are
   * there: messages keep their order, and most need no promise before it.
   */
  publish(connection: Connection, membership: Membership, message: OutgoingMessage): void {
    this.#publish(connection, membership, message, this.#options.steady());
  }

  /** @param since When the frame came, milliseconds of the steady clock. */
  #publish(connection: Connection, membership: Membership, message: OutgoingMessage, since: number): void {
    const { bytes, validity, background } = this.#options;
    const { retention } = membership;
    const lane = retention === Retention.history ? this.#stored : this.#unstored;
    if (!this.#enter(connection, lane, retention, message)) return;
    const stamp = validity.stamp();
    try {
      if (bytes.take(connection.user, message.frameBytes)) this.#write(connection, membership, stamp, message, lane, since);
      else background.run('answers', () => this.#draw(connection, membership, stamp, message, lane));
    } catch (error) {
      lane.inFlight -= 1;
      this.#refuse(connection, retention, message, error);
    }
  }

  /**
   * As `publish`, once the store has answered that the sender is a member. Messages that wait for
   * one answer go on in their order.
   */
  publishOnceMember(connection: Connection, ask: () => Promise<Membership>, message: OutgoingMessage): void {
    const lane = this.#stored;
    const since = this.#options.steady();
    if (!this.#enter(connection, lane, Retention.history, message)) return;
    this.#options.background.run('answers', () =>
      ask()
        .finally(() => {
          lane.inFlight -= 1;
        })
        .then(
          (membership) => this.#publish(connection, membership, message, since),
          (error: unknown) => this.#refuse(connection, Retention.history, message, orNotStored(error)),
        ),
    );
  }

  /**
   * Past its capacity a fan-out collapses rather than flattens, so publishers are held back first:
   * refuses with `BUSY`.
   */
  #enter(connection: Connection, lane: Lane, retention: Retention, message: OutgoingMessage): boolean {
    if (lane.full(this.#options.steady())) {
      this.#refuse(connection, retention, message, new HubError('BUSY', undefined, { retryAfter: 1 }));
      return false;
    }
    lane.inFlight += 1;
    return true;
  }

  async #draw(connection: Connection, membership: Membership, stamp: MembershipStamp, message: OutgoingMessage, lane: Lane): Promise<void> {
    try {
      await this.#options.bytes.draw(connection.user, message.frameBytes);
      // The sender's own limit made them wait: that is no time of the hub's.
      const since = this.#options.steady();
      if (!this.#stands(membership, stamp)) await this.#askAgain(connection.user.id, membership.room);
      this.#write(connection, membership, stamp, message, lane, since);
    } catch (error) {
      lane.inFlight -= 1;
      this.#refuse(connection, membership.retention, message, error);
    }
  }

  #refuse(connection: Connection, retention: Retention, { id, room }: Pick<OutgoingMessage, 'id' | 'room'>, error: unknown): void {
    const { stats, faults } = this.#options;
    const reported = faults.report(error, connection);
    stats.answers[retention][FAILURES.has(reported.code) ? 'failed' : 'refused'] += 1;
    connection.sendError(id, reported, room);
  }

  #stands({ room }: Membership, stamp: MembershipStamp): boolean {
    return !isManagedRoom(room) || this.#options.validity.stands(room, stamp);
  }

  /**
   * Refuses a user who lost the room while they waited. Rejects with `HubError` `FORBIDDEN`,
   * `ROOM_CLOSED`, `NOT_STORED`.
   */
  async #askAgain(user: string, room: string): Promise<void> {
    const standing = await this.#options.access.standing(user, room).catch((error: unknown) => {
      throw new HubError('NOT_STORED', undefined, { cause: error, retryAfter: 1 });
    });
    if (standing === Standing.stranger) throw new HubError('FORBIDDEN');
    if (standing !== Standing.member) throw new HubError('ROOM_CLOSED');
  }

  /**
   * Throws only before anything is under way: then the caller takes the message out of its lane.
   */
  #write(
    connection: Connection,
    membership: Membership,
    stamp: MembershipStamp,
    { id, joined, text, data, frameBytes }: OutgoingMessage,
    lane: Lane,
    since: number,
  ): void {
    const { access, acks, stats, background, traces } = this.#options;
    const { room, retention } = membership;
    const { user, bearer } = connection;
    const members = async (): Promise<readonly string[]> =>
      this.#stands(membership, stamp) ? (membership.members ?? []) : access.members(room);
    const trace = traces?.begin(room, retention, frameBytes, since);
    const message = { membership, members, userId: user.id, sender: user.json(bearer.kind), clientId: id, text, data, trace };
    const written = this.#hand(message, trace);
    stats.hot.received += 1;
    background.run('answers', () =>
      written.then(
        (message) => {
          const ms = this.#answered(lane, since);
          if (joined?.keeps === true && message.offset !== undefined) lane.acked(joined, message.offset, since);
          stats.answers[retention].acked += 1;
          stats.acks[retention][joined?.kind ?? roomKind(room)]?.record(ms / 1000);
          acks.send(connection, joined, message.offset, ack(id, room, message.id, message.offset, message.at));
          trace?.span.end();
        },
        (error: unknown) => {
          this.#answered(lane, since);
          this.#refuse(connection, retention, { id, room }, error);
          if (trace !== undefined) failed(trace, error);
        },
      ),
    );
  }

  /** Hands a message to the writer. What is refused at once ends its trace. */
  #hand(message: MessageRequest, trace: MessageTrace | undefined): Promise<Written> {
    try {
      return this.#options.writer.write(message);
    } catch (error) {
      if (trace !== undefined) failed(trace, error);
      throw error;
    }
  }

  /** Returns the milliseconds since `since`. */
  #answered(lane: Lane, since: number): number {
    const ms = this.#options.steady() - since;
    lane.answered(ms);
    return ms;
  }
}

/**
 * The store that did not answer would also keep the message: the sender may send the same one again
 * (M1).
 */
function orNotStored(error: unknown): unknown {
  return HubError.from(error).code === 'UNAVAILABLE' ? new HubError('NOT_STORED', undefined, { cause: error, retryAfter: 1 }) : error;
}

function failed({ span }: MessageTrace, error: unknown): void {
  span.fail(errorType(error));
  span.end();
}
