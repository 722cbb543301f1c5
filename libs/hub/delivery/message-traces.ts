/** The traces of messages that connections send: of the chosen ones, from the frame to the ack. */
import type { Room } from '#libs/hub/rooms/room.ts';
import type { Rooms } from '#libs/hub/rooms/rooms.ts';
import type { MessageTrace } from '#libs/messages/message-trace.ts';
import { roomKind } from '#libs/protocol/room-kinds.ts';
import type { Span, Tracer } from '#libs/telemetry/tracer.ts';

/** Messages whose relay is waited for at most. Of further ones the step `relay` is not recorded. */
const WAITING_MAX = 1000;
/** Milliseconds after which a message is no longer waited for: a repetition is never relayed. */
const WAIT_MS = 10_000;

/** A message that this node will relay. */
interface Relayed {
  readonly span: Span;
  /** What its frame has, and no other frame: `"id":"..."`. */
  readonly mark: Buffer;
  /** Milliseconds of the steady clock. */
  readonly since: number;
}

/**
 * Records messages. The step `relay` ends when the loop of this node has handed the message to its
 * own sockets, for all of them at once. Nothing of a trace goes over the broker: other nodes relay
 * the same bytes, traced or not.
 */
export class MessageTraces {
  readonly #tracer: Tracer;
  readonly #rooms: Pick<Rooms, 'get'>;
  readonly #steady: () => number;
  /** By room, oldest first. */
  readonly #relayed = new Map<string, Relayed[]>();
  #waiting = 0;

  constructor(tracer: Tracer, rooms: Pick<Rooms, 'get'>, steady: () => number) {
    this.#tracer = tracer;
    this.#rooms = rooms;
    this.#steady = steady;
  }

  /**
   * Begins the trace of a message, if it is chosen.
   *
   * @param since When its frame came, milliseconds of the steady clock.
   */
  begin(room: string, retention: string, bytes: number, since: number): MessageTrace | undefined {
    const kind = roomKind(room);
    const span = this.#tracer.begin(
      `publish ${kind}`,
      'server',
      {
        'messaging.system': 'parley',
        'messaging.operation.name': 'publish',
        'messaging.operation.type': 'send',
        'messaging.destination.template': kind,
        'messaging.message.envelope.size': bytes,
        'parley.retention': retention,
      },
      since,
    );
    return span && { span, named: (id) => this.#expect(span, room, id) };
  }

  /** Whether the relay of any message is waited for. Ask before `heard`. */
  get waits(): boolean {
    return this.#waiting > 0;
  }

  /** The loop has handed a message of a room to the sockets of this node. */
  heard({ name, subscriptions }: Room, frame: Uint8Array): void {
    const expected = this.#relayed.get(name);
    if (expected === undefined) return;
    const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
    const found = expected.find(({ mark }) => bytes.includes(mark));
    if (found === undefined) return;
    found.span.over('relay', 'internal', (this.#steady() - found.since) / 1000, { 'parley.connections': subscriptions });
    this.#forget(name, found);
  }

  #expect(span: Span, name: string, id: string): void {
    const room = this.#rooms.get(name);
    if (room === undefined || room.isPrivate || room.subscriptions === 0 || this.#waiting >= WAITING_MAX) return;
    const relayed: Relayed = { span, mark: Buffer.from(`"id":${JSON.stringify(id)}`), since: this.#steady() };
    const others = this.#relayed.get(name);
    if (others === undefined) this.#relayed.set(name, [relayed]);
    else others.push(relayed);
    this.#waiting += 1;
    setTimeout(() => this.#forget(name, relayed), WAIT_MS).unref();
  }

  #forget(name: string, relayed: Relayed): void {
    const expected = this.#relayed.get(name);
    const place = expected?.indexOf(relayed) ?? -1;
    if (expected === undefined || place < 0) return;
    expected.splice(place, 1);
    if (expected.length === 0) this.#relayed.delete(name);
    this.#waiting -= 1;
  }
}
