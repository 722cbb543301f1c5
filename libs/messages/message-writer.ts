/**
 * Writes messages into the hub: publishes them, stores them if the room keeps history, and signals
 * them to the members of private rooms (M1, M2).
 */
import { hash, randomBytes } from 'node:crypto';
import type { Broker, Published, PublishRequest } from '#libs/broker/broker.ts';
import { failPoint } from '#libs/config/fail-point.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { fitsCodePoints } from '#libs/protocol/limits.ts';
import { type EventBody, type EventTarget, eventJson, eventTail } from '#libs/protocol/room-event.ts';
import { hasLongTexts } from '#libs/protocol/room-kinds.ts';
import { liveMessage, messageTail } from '#libs/protocol/server-frame.ts';
import { encode } from '#libs/protocol/signals.ts';
import type { MessageStore, StoredMessage, StoredRoomEvent } from '#libs/store/message-store.ts';
import type { Background } from '#libs/telemetry/background.ts';
import { endWith } from '#libs/telemetry/tracer.ts';
import { type MemberLookup, MemberSignals } from './member-signals.ts';
import { type MessageTrace, nameTrace, scriptStep, storeStep } from './message-trace.ts';
import { type Membership, Retention } from './room-access.ts';

/** Characters of a message id: 132 bits of a SHA-256 in base64url. */
const MESSAGE_ID_LENGTH = 22;
/**
 * If the store has another message at the offset, a new offset is tried, up to this many in all.
 */
const PLACES_MAX = 3;
/**
 * Milliseconds after a failure of the store during which messages are refused without publishing
 * them.
 */
const STORE_PAUSE_MS = 500;

/** Returns the message's own id (M2): the same for every repetition on any node. */
export function messageId(room: string, user: string, clientId: string): string {
  return hash('sha256', `${room}\0${user}\0${clientId}`, 'base64url').slice(0, MESSAGE_ID_LENGTH);
}

/**
 * Makes ids for messages without one of the sender: a random part for the process, then a count.
 */
class FreshIds {
  readonly #prefix = randomBytes(9).toString('base64url');
  #count = 0;

  next(): string {
    this.#count += 1;
    return this.#prefix + this.#count.toString(36).padStart(MESSAGE_ID_LENGTH - this.#prefix.length, '0');
  }
}

/** Options of `MessageWriter`. */
export interface MessageWriterOptions {
  readonly broker: Pick<Broker, 'publish' | 'emit'>;
  readonly messages: Pick<MessageStore, 'append'>;
  /** The longest text, in code points. */
  readonly messageMaxChars: number;
  /** The same in conversations: no less. */
  readonly conversationMaxChars: number;
  /** The most bytes of `data` as JSON. */
  readonly dataMaxBytes: number;
  /** Unix milliseconds, for the stamps of messages. */
  readonly now: () => number;
  /** Milliseconds of a steady clock. Default: the system's. */
  readonly steady?: () => number;
  /** Resolves after this many milliseconds. Default: the system's timer. */
  readonly wait?: (ms: number) => Promise<unknown>;
  readonly background: Background;
}

/** A message to write. */
export interface MessageRequest {
  readonly membership: Membership;
  /**
   * Returns the present members of a private room (R7). Called when the message has its place,
   * perhaps long after `membership` was given. Default: the members of `membership`.
   */
  readonly members?: MemberLookup;
  readonly userId: string;
  /** JSON made by `personJson`. */
  readonly sender: string;
  /** The sender's own id of the message. Undefined: the message is never repeated. */
  readonly clientId: string | undefined;
  readonly text: string;
  /** JSON text, passed on unchanged; or undefined. */
  readonly data: string | undefined;
  /** If the message is traced. The caller ends its span. */
  readonly trace?: MessageTrace | undefined;
}

/** An event that is no message. */
export interface EventRequest {
  readonly membership: Membership;
  /** As in `MessageRequest`. */
  readonly members?: MemberLookup;
  /**
   * `target`, `version` and `message` come together, or none of them. A repetition under the same
   * id must have the same members, `at` included: the store must have the bytes that were
   * published.
   */
  readonly event: EventBody;
}

const NO_TARGET: EventTarget = { offset: 0, version: 0 };

/** The place of an entry in a log. */
type Place = Pick<StoredMessage, 'room' | 'offset' | 'epoch' | 'at'>;

/** The result of a write. */
export interface Written {
  readonly id: string;
  /** Undefined in rooms that keep nothing. */
  readonly offset: number | undefined;
  /** The stamp of the first publication. */
  readonly at: number;
}

/** Writes messages and events to rooms. */
export class MessageWriter {
  readonly #options: MessageWriterOptions;
  readonly #ids = new FreshIds();
  readonly #members: MemberSignals;
  readonly #steady: () => number;
  #storeAwayUntil = Number.NEGATIVE_INFINITY;

  constructor(options: MessageWriterOptions) {
    this.#options = options;
    this.#steady = options.steady ?? (() => performance.now());
    this.#members = new MemberSignals(options);
  }

  /**
   * Publishes a message. In a room that keeps messages it is published once, however often it is
   * repeated under the same id within five minutes (M2); in other rooms each call sends it.
   * Resolves when it is published, and in a room that keeps history when it is stored (M1).
   *
   * @throws HubError `MESSAGE_TOO_LONG`, or `NOT_STORED` if nothing was published. Rejects with
   *   `UNAVAILABLE`, or with `NOT_STORED` if the message was shown and may be lost: write it again
   *   with the same id.
   */
  write({
    membership,
    members = async () => membership.members ?? [],
    userId,
    sender,
    clientId,
    text,
    data,
    trace,
  }: MessageRequest): Promise<Written> {
    const { broker, messageMaxChars, conversationMaxChars, dataMaxBytes, now } = this.#options;
    if (!fitsCodePoints(text, messageMaxChars)) {
      const most = hasLongTexts(membership.room) ? conversationMaxChars : messageMaxChars;
      if (!fitsCodePoints(text, most)) throw new HubError('MESSAGE_TOO_LONG', `a text has at most ${most} characters here`);
    }
    const at = now();
    const { room } = membership;
    const id = clientId === undefined ? this.#ids.next() : messageId(room, userId, clientId);
    if (data !== undefined && (data.length > dataMaxBytes || Buffer.byteLength(data) > dataMaxBytes))
      throw new HubError('MESSAGE_TOO_LONG', `\`data\` has at most ${dataMaxBytes} bytes as JSON (DATA_MAX_BYTES)`);
    if (trace !== undefined) nameTrace(trace, id);
    if (membership.retention === Retention.none) {
      const frame = liveMessage(room, id, sender, text, data, at);
      const emitted = endWith(scriptStep(trace), broker.emit(`r:${room}`, encode({ kind: 'frame', frame })));
      return emitted.then(() => ({ id, offset: undefined, at }));
    }
    const tail = messageTail(room, id, sender, text, data, at);
    // A message that will be stored always has a key, so that a retry of the hub itself makes no
    // second one.
    const key = clientId === undefined && membership.retention !== Retention.history ? null : id;
    if (membership.retention === Retention.history) {
      this.#assertStoreHere();
      return this.#keep(membership, members, { room, tail, key, at }, { id, sender, text, data }, trace);
    }
    const published = endWith(scriptStep(trace), broker.publish({ room, tail, key, at }));
    if (membership.members === undefined) return published.then(({ offset, at: first }) => ({ id, offset, at: first }));
    return published.then(({ offset, epoch, at: first }) => {
      this.#signal(members, membership.retention, offset, tail, epoch);
      return { id, offset, at: first };
    });
  }

  /**
   * Appends an event that is no message to the log of a room (M7): once, however often it is
   * repeated under the same id within five minutes. Resolves when it is published, and in a room
   * that keeps history when it is stored (M1).
   *
   * Rejects with `TypeError` for a room that keeps nothing, since it has no log, and if `target`,
   * `version` and `message` do not come together. Otherwise rejects as `write` does.
   */
  async writeEvent({ membership, members = async () => membership.members ?? [], event }: EventRequest): Promise<Written> {
    const { room, retention } = membership;
    if (retention === Retention.none) throw new TypeError(`${room} keeps no log`);
    const { id, kind, version, message, at } = event;
    const given = [event.target, version, message].filter((member) => member !== undefined).length;
    if (given !== 0 && given !== 3) throw new TypeError('target, version and message of an event come together');
    const body = eventJson(event);
    const target = event.target === undefined || version === undefined ? undefined : { offset: event.target.offset, version };
    const request = { room, tail: eventTail(room, body), key: id, at, event: target ?? NO_TARGET };
    if (retention === Retention.history) {
      this.#assertStoreHere();
      return this.#keep(membership, members, request, { id, kind, target, body });
    }
    const { offset, epoch, at: first } = await this.#options.broker.publish(request);
    if (membership.members !== undefined) this.#signal(members, retention, offset, request.tail, epoch);
    return { id, offset, at: first };
  }

  async #keep(
    membership: Membership,
    members: MemberLookup,
    request: PublishRequest,
    entry: Omit<StoredMessage, keyof Place> | Omit<StoredRoomEvent, keyof Place>,
    trace?: MessageTrace,
  ): Promise<Written> {
    const { broker, messages } = this.#options;
    const { id } = entry;
    for (let place = 1; ; place += 1) {
      const step = scriptStep(trace);
      const published = await notStored(endWith(step, broker.publish(place === 1 ? request : { ...request, forceNew: true })));
      const storing = storeStep(trace);
      const stored = await this.#store(endWith(storing, messages.append({ ...entry, room: request.room, ...position(published) })));
      if (stored !== 'conflict') {
        if (membership.members !== undefined) this.#signal(members, membership.retention, stored.offset, request.tail);
        failPoint('before-ack');
        return { id, offset: stored.offset, at: stored.at };
      }
      if (place === PLACES_MAX) throw new HubError('NOT_STORED', undefined, { retryAfter: 1 });
    }
  }

  /**
   * Checks that the store has not just failed.
   *
   * @throws HubError `NOT_STORED` for a moment after a failure of the store.
   */
  #assertStoreHere(): void {
    if (this.#steady() < this.#storeAwayUntil) throw new HubError('NOT_STORED', undefined, { retryAfter: 1 });
  }

  async #store<T>(append: Promise<T>): Promise<T> {
    try {
      return await notStored(append);
    } catch (error) {
      this.#storeAwayUntil = this.#steady() + STORE_PAUSE_MS;
      throw error;
    }
  }

  #signal(members: MemberLookup, retention: Retention, offset: number, tail: string, epoch?: string): void {
    this.#members.signalPresent(members, retention, `{"offset":${offset},${tail}`, epoch);
  }
}

/** Turns any failure into an error that allows a retry of the same message. */
async function notStored<T>(step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    throw new HubError('NOT_STORED', undefined, { cause: error, retryAfter: 1 });
  }
}

function position({ offset, epoch, at }: Published): { readonly offset: number; readonly epoch: string; readonly at: number } {
  return { offset, epoch, at };
}
