import { messageOf, type PageMessage, type ServerFrame } from './server-frame.ts';

/** The position of a client in a room, as it sends it in `since`. */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

/**
 * A breach of the contract (M3-M5). `gap`: messages are missing and no loss was reported. Reported
 * losses are no violation; they are counted apart. `since`: a join asked for another position than
 * the client's. `handover`: the application got other messages than the client.
 */
export interface Violation {
  readonly kind: 'gap' | 'order' | 'duplicate' | 'page' | 'tail' | 'lost' | 'since' | 'handover';
  readonly detail: string;
}

/** A stretch of a room's messages without a reported loss. */
interface Segment {
  readonly epoch: string;
  /** Offset of its first message. */
  readonly first: number;
  /** The offset up to which every message was received. */
  last: number;
  readonly ids: Map<number, string>;
}

interface Story {
  readonly segments: Segment[];
  joined: boolean;
  /** A `joined` with `more` arrived: further pages must come first. */
  paging: boolean;
  told: number;
}

/** An acknowledged message. */
export interface Acked {
  readonly room: string;
  readonly id: string;
  readonly offset: number;
  /** The number of losses in this room that were reported to the sender before the ack. */
  readonly toldBefore: number;
}

/**
 * The frames of one client over all its connections: the stretches of each room, its acks, and
 * every breach of the contract that it can see alone.
 */
export class Ledger {
  readonly name: string;
  readonly violations: Violation[] = [];
  readonly acks: Acked[] = [];
  /** Messages that arrived as new ones, by id. */
  readonly #received = new Map<string, string>();
  readonly #stories = new Map<string, Story>();
  /**
   * Repetitions of a message in another epoch: a retry over a loss of Redis. The receiver
   * recognises them by id.
   */
  repeatedOverEpochs = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** The number of messages that arrived as new ones. */
  get received(): number {
    return this.#received.size;
  }

  /** The rooms of which the client counts itself a member. */
  get rooms(): string[] {
    return [...this.#stories].filter(([, story]) => story.joined).map(([room]) => room);
  }

  has(messageId: string): boolean {
    return this.#received.has(messageId);
  }

  /** The number of losses in the room that were reported to this client. */
  told(room: string): number {
    return this.#stories.get(room)?.told ?? 0;
  }

  position(room: string): Position | undefined {
    const segment = this.#stories.get(room)?.segments.at(-1);
    return segment === undefined ? undefined : { epoch: segment.epoch, offset: segment.last };
  }

  segments(room: string): readonly Readonly<Segment>[] {
    return this.#stories.get(room)?.segments ?? [];
  }

  /**
   * Records a frame. Ignores frames without messages. `since`: the position of the join that it
   * answers.
   */
  frame(frame: ServerFrame, since?: Position): void {
    switch (frame.type) {
      case 'joined':
        this.#joined(frame, since);
        break;
      case 'message':
        if (frame.offset !== undefined) this.#message(frame, frame.offset);
        break;
      case 'resync':
        this.#begin(this.#story(frame.room ?? ''), frame);
        this.#story(frame.room ?? '').told += 1;
        break;
      case 'left':
        this.#story(frame.room ?? '').joined = false;
        break;
      case 'ack': {
        const { id, offset } = messageOf(frame);
        const room = frame.room ?? '';
        if (offset !== undefined) this.acks.push({ room, id, offset, toldBefore: this.told(room) });
        break;
      }
      default:
    }
  }

  /** The connection ended. Pages under way will not come. */
  disconnected(): void {
    for (const story of this.#stories.values()) story.paging = false;
  }

  #story(room: string): Story {
    let story = this.#stories.get(room);
    if (story === undefined) {
      story = { segments: [], joined: false, paging: false, told: 0 };
      this.#stories.set(room, story);
    }
    return story;
  }

  #joined(frame: ServerFrame, since: Position | undefined): void {
    if (frame.epoch === undefined) return;
    const story = this.#story(frame.room ?? '');
    const current = story.segments.at(-1);
    if (!frame.recovered) {
      if (since !== undefined || story.paging) story.told += 1;
      this.#begin(story, frame);
    } else if (current === undefined || current.epoch !== frame.epoch) {
      this.#violate('page', `${this.name}: recovered, yet in another epoch than before: ${describe(frame)}`);
      this.#begin(story, frame);
    } else this.#append(frame, current);
    story.joined = true;
    story.paging = frame.more === true;
    const segment = story.segments.at(-1);
    if (!story.paging && segment !== undefined && segment.last !== frame.offset) {
      this.#violate('page', `${this.name}: the page ends at ${segment.last}, the position is ${frame.offset}: ${describe(frame)}`);
    }
  }

  /** Begins a stretch: the latest page, and the messages after it. */
  #begin(story: Story, frame: ServerFrame): void {
    const messages = frame.messages ?? [];
    const first = messages[0]?.offset ?? (frame.offset ?? 0) + 1;
    const segment: Segment = { epoch: frame.epoch ?? '', first, last: first - 1, ids: new Map() };
    story.segments.push(segment);
    for (const item of messages) this.#take(segment, item, frame, false);
  }

  #append(frame: ServerFrame, segment: Segment): void {
    for (const item of frame.messages ?? []) this.#take(segment, item, frame, true);
  }

  #message(frame: ServerFrame, offset: number): void {
    const story = this.#story(frame.room ?? '');
    const segment = story.segments.at(-1);
    if (!story.joined || segment === undefined) {
      this.#violate('order', `${this.name}: a message before joined: ${describe(frame)}`);
      return;
    }
    if (story.paging) this.#violate('order', `${this.name}: a live message between two pages: ${describe(frame)}`);
    this.#take(segment, { offset, message: messageOf(frame) }, frame, true);
  }

  #take(segment: Segment, { offset, message }: PageMessage, frame: ServerFrame, fresh: boolean): void {
    if (offset <= segment.last) {
      const kind = segment.ids.get(offset) === message.id ? 'duplicate' : 'order';
      this.#violate(kind, `${this.name}: offset ${offset} after ${segment.last}: ${describe(frame)}`);
      return;
    }
    if (offset !== segment.last + 1) this.#violate('gap', `${this.name}: offset ${offset} right after ${segment.last}: ${describe(frame)}`);
    segment.last = offset;
    segment.ids.set(offset, message.id);
    const earlier = this.#received.get(message.id);
    const here = `${frame.room} ${segment.epoch} ${offset}`;
    if (earlier === undefined) this.#received.set(message.id, here);
    else if (earlier.split(' ')[1] !== segment.epoch) this.repeatedOverEpochs += fresh ? 1 : 0;
    else if (fresh || earlier !== here) this.#violate('duplicate', `${this.name}: ${message.id} at ${here} was at ${earlier}`);
  }

  #violate(kind: Violation['kind'], detail: string): void {
    this.violations.push({ kind, detail });
  }
}

function describe(frame: ServerFrame): string {
  const { messages, ...rest } = frame;
  const page = messages === undefined ? '' : ` messages ${messages[0]?.offset}..${messages.at(-1)?.offset} (${messages.length})`;
  return `${JSON.stringify(rest).slice(0, 300)}${page}`;
}

/** The result of `compareLedgers`. */
export interface Comparison {
  /** Every breach of the contract, also those that one client found alone. Empty if all is well. */
  readonly violations: readonly Violation[];
  /** The number of losses that were reported to clients. */
  readonly told: number;
  /** The number of distinct acknowledged messages. */
  readonly acked: number;
  /** The number of distinct offsets received, over all clients and epochs. */
  readonly messages: number;
  /** The number of repetitions over epochs. Allowed only if Redis was lost. */
  readonly repeatedOverEpochs: number;
}

/**
 * Compares the ledgers of one room's members: all have the same message at the same offset (M3),
 * every acknowledged message was received, nobody is behind at the end. Call it when traffic has
 * ended.
 */
export function compareLedgers(ledgers: readonly Ledger[], room: string): Comparison {
  const violations: Violation[] = ledgers.flatMap((ledger) => ledger.violations);
  const orders = new Map<string, Map<number, string>>();
  for (const ledger of ledgers) {
    for (const segment of ledger.segments(room)) {
      const order = orders.get(segment.epoch) ?? new Map<number, string>();
      orders.set(segment.epoch, order);
      for (const [offset, id] of segment.ids) {
        const other = order.get(offset);
        if (other === undefined) order.set(offset, id);
        else if (other !== id) {
          violations.push({ kind: 'order', detail: `${ledger.name}: ${id} at ${segment.epoch} ${offset}, others have ${other}` });
        }
      }
    }
  }
  violations.push(...tails(ledgers, room), ...lostAcks(ledgers, room, orders));
  return {
    violations,
    told: ledgers.reduce((sum, ledger) => sum + ledger.told(room), 0),
    acked: new Set(ledgers.flatMap((ledger) => ledger.acks.filter((ack) => ack.room === room).map((ack) => ack.id))).size,
    messages: [...orders.values()].reduce((sum, order) => sum + order.size, 0),
    repeatedOverEpochs: ledgers.reduce((sum, ledger) => sum + ledger.repeatedOverEpochs, 0),
  };
}

function tails(ledgers: readonly Ledger[], room: string): Violation[] {
  const members = ledgers.filter((ledger) => ledger.rooms.includes(room));
  const ends = new Set(members.map((ledger) => JSON.stringify(ledger.position(room))));
  if (ends.size <= 1) return [];
  const top = members.reduce((max, ledger) => Math.max(max, ledger.position(room)?.offset ?? 0), 0);
  return members
    .filter((ledger) => ledger.position(room)?.offset !== top || ends.size > 1)
    .map((ledger) => ({ kind: 'tail', detail: `${ledger.name} stands at ${JSON.stringify(ledger.position(room))}, the top is ${top}` }));
}

function lostAcks(ledgers: readonly Ledger[], room: string, orders: ReadonlyMap<string, ReadonlyMap<number, string>>): Violation[] {
  const known = new Map<string, Set<number>>();
  for (const order of orders.values()) {
    for (const [offset, id] of order) known.set(id, (known.get(id) ?? new Set()).add(offset));
  }
  const lost: Violation[] = [];
  for (const ledger of ledgers) {
    for (const ack of ledger.acks) {
      if (ack.room !== room) continue;
      const offsets = known.get(ack.id);
      const told = ledger.told(room) > ack.toldBefore;
      if (offsets?.has(ack.offset) || (offsets === undefined && told)) continue;
      const where = offsets === undefined ? 'nobody received it' : `received at ${[...offsets].join(',')}`;
      lost.push({ kind: 'lost', detail: `${ledger.name}: acked ${ack.id} at ${ack.offset}, ${where}` });
    }
  }
  return lost;
}
