import { randomUUID } from 'node:crypto';
import type { SendOptions, SentMessage, ServerFrame, StatusReason } from '#libs/client/index.ts';
import { isPrivateRoom } from '#libs/protocol/room-kinds.ts';
import { Attendance } from './attendance.ts';
import { FleetClient, type FleetClientOptions, type SentFrame } from './client-fleet.ts';
import { Handover } from './handover.ts';
import { Ledger, type Violation } from './ledger.ts';

/** The gateways of these tests take frames at any rate, and a machine under load may let an answer wait. */
const PATIENT = { pace: { perSecond: 0, burst: 0 }, queueMax: 10_000, requestTimeoutMs: 60_000 };

/**
 * A `ParleyClient` that is held to its word. A ledger keeps what came; each join after a loss must ask for what came since then, and what came must reach the
 * application once and in order. Each breach is a violation in the ledger.
 */
export class StayingClient extends FleetClient {
  readonly ledger: Ledger;
  readonly attendance = new Attendance();
  /** How its lines ended, but for the last one, which it ended itself. */
  readonly closes: StatusReason[] = [];
  readonly #handover = new Handover((detail) => this.#violate('handover', detail));
  /** Join frames and rooms that were answered, the first page at least. */
  readonly #answered = new Set<string>();
  /** Losses that the hub told of in rooms that are not joined (R5): the ledger, which begins at a join, has none of these. */
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

  /** Every message that its application was shown, in whatever way. Who takes them out has them. */
  get shown(): Handover['messages'] {
    return this.#handover.messages;
  }

  /** What came and its application was not shown yet; at rest nothing. */
  get owed(): readonly string[] {
    return this.#handover.owed;
  }

  /** Says something. Resolves with what the hub took, however many lines that needs. */
  async say(room: string, text: string, options: SendOptions = {}): Promise<SentMessage['message']> {
    return (await this.client.send(room, text, options)).message;
  }

  #frame(frame: ServerFrame): void {
    const room = 'room' in frame ? frame.room : '';
    const joined = !isPrivateRoom(room);
    if (joined) this.ledger.frame(frame, frame.type === 'joined' ? this.#since(frame.id ?? '', room) : undefined);
    else if (frame.type === 'resync') this.#losses.set(room, (this.#losses.get(room) ?? 0) + 1);
    this.attendance.frame(frame);
    // The client tells of a frame before it makes anything of it, which it does without waiting for anything.
    queueMicrotask(() => this.#handover.settled(frame, joined ? this.ledger.told(room) : (this.#losses.get(room) ?? 0)));
  }

  /** What the join that is answered had asked for. */
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
