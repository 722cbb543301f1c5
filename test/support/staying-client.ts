import { randomUUID } from 'node:crypto';
import type { SendOptions, SentMessage, ServerFrame, StatusReason } from '#libs/client/index.ts';
import { isPrivateRoom } from '#libs/protocol/room-kinds.ts';
import { Attendance } from './attendance.ts';
import { FleetClient, type FleetClientOptions, type SentFrame } from './client-fleet.ts';
import { Handover } from './handover.ts';
import { Ledger, type Violation } from './ledger.ts';

/**
 * The gateways of these tests accept frames at any rate, and a machine under load may delay an
 * answer.
 */
const PATIENT = { pace: { perSecond: 0, burst: 0 }, queueMax: 10_000, requestTimeoutMs: 60_000 };

/**
 * A `ParleyClient` whose promises are checked. A ledger records its frames. Each join after a loss
 * must ask for everything since then, and the application must get each message once and in order.
 * Each breach is a violation in the ledger.
 */
export class StayingClient extends FleetClient {
  readonly ledger: Ledger;
  readonly attendance = new Attendance();
  /** The ends of its connections, without the last one, which it ended itself. */
  readonly closes: StatusReason[] = [];
  readonly #handover = new Handover((detail) => this.#violate('handover', detail));
  /** The answered pairs of join frame and room. The first page counts as the answer. */
  readonly #answered = new Set<string>();
  /**
   * Losses that the hub reported in rooms that are not joined (R5). The ledger begins at a join, so
   * it has none of these.
   */
  readonly #losses = new Map<string, number>();
  #wasConnected = false;

  constructor(options: FleetClientOptions) {
    super({ session: randomUUID(), ...PATIENT, ...options });
    this.ledger = new Ledger(options.user);
    const { client } = this;
    client.on('frame', (frame) => this.#frame(frame));
    client.on('message', (event) => this.#handover.message(event));
    client.on('resync', (event) => this.#handover.page(event, true));
    client.on('joined', (event) => {
      if (!event.automatic) this.#handover.page(event, false);
    });
    client.on('room_lost', ({ room, code }) => this.#violate('lost', `${room} could not be joined again: ${code}`));
    client.on('status', ({ reason }) => this.#status(reason));
  }

  get connected(): boolean {
    return this.client.status.state === 'connected';
  }

  /** Every message that its application got. The reader removes them. */
  get shown(): Handover['messages'] {
    return this.#handover.messages;
  }

  /** Messages that arrived and that its application has not got yet; none at rest. */
  get owed(): readonly string[] {
    return this.#handover.owed;
  }

  /** Publishes a message. Resolves with the stored message, however many connections that takes. */
  async say(room: string, text: string, options: SendOptions = {}): Promise<SentMessage['message']> {
    return (await this.client.send(room, text, options)).message;
  }

  #frame(frame: ServerFrame): void {
    const room = 'room' in frame ? frame.room : '';
    const joined = !isPrivateRoom(room);
    if (joined) this.ledger.frame(frame, frame.type === 'joined' ? this.#since(frame.id ?? '', room) : undefined);
    else if (frame.type === 'resync') this.#losses.set(room, (this.#losses.get(room) ?? 0) + 1);
    this.attendance.frame(frame);
    // The client reports a frame first and then handles it without an `await`.
    queueMicrotask(() => this.#handover.settled(frame, joined ? this.ledger.told(room) : (this.#losses.get(room) ?? 0)));
  }

  /** Returns the `since` of the join that is answered. */
  #since(id: string, room: string): SentFrame['since'] {
    const asked = this.sent.findLast((frame) => frame.type === 'join' && frame.id === id);
    const { since } = asked?.rooms?.find((target) => target.room === room) ?? asked ?? {};
    const at = this.ledger.position(room);
    const first = !this.#answered.has(`${id} ${room}`);
    this.#answered.add(`${id} ${room}`);
    if (first && at !== undefined && (since?.epoch !== at.epoch || since.offset !== at.offset)) {
      this.#violate('since', `joined ${room} since ${JSON.stringify(since)}, was at ${JSON.stringify(at)}`);
    }
    return since;
  }

  #status(reason: StatusReason | undefined): void {
    const { connected } = this;
    if (this.#wasConnected && !connected) {
      this.ledger.disconnected();
      if (reason !== undefined && reason.code !== 'CLOSED') this.closes.push(reason);
    }
    this.#wasConnected = connected;
  }

  #violate(kind: Violation['kind'], detail: string): void {
    this.ledger.violations.push({ kind, detail: `${this.user}: ${detail}` });
  }
}
