import { messageOf, type PageMessage, type ServerFrame } from './server-frame.ts';

/** Where a client stands in a room: what it gives as `since`. */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

/**
 * What broke the contract (M3-M5). `gap`: something is missing and nobody told; `told` losses are no violation and are counted apart. `since`: a join asked
 * for something else than what came after where its client was. `handover`: the application got something else than what came.
 */
export interface Violation {
  readonly kind: 'gap' | 'order' | 'duplicate' | 'page' | 'tail' | 'lost' | 'since' | 'handover';
  readonly detail: string;
}

/** A stretch of a room's messages without a hole that was told of. */
interface Segment {
  readonly epoch: string;
  /** Offset of its first message. */
  readonly first: number;
  /** Offset up to which everything was received. */
  last: number;
  readonly ids: Map<number, string>;
}

interface Story {
  readonly segments: Segment[];
  joined: boolean;
  /** A `joined` with `more` came: further pages are due before anything else. */
  paging: boolean;
  told: number;
}

export interface Acked {
  readonly room: string;
  readonly id: string;
  readonly offset: number;
  /** Losses that the sender had been told of in this room when the ack came. */
  readonly toldBefore: number;
}

/**
 * What one client received, over all its connections: each room's stretches of messages, the acks it got, and every breach of the
 * contract that it could see by itself.
 */
export class Ledger {
  readonly name: string;
  readonly violations: Violation[] = [];
  readonly acks: Acked[] = [];
  /** Messages that came as new ones, by id. */
  readonly #received = new Map<string, string>();
  readonly #stories = new Map<string, Story>();
  /** Repetitions of a message in another epoch: a retry over a loss of Redis, which the receiver knows by its id. */
  repeatedOverEpochs = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** Messages that came as new ones. */
  get received(): number {
    return this.#received.size;
  }

  /** Rooms of which the client counts itself a member. */
  get rooms(): string[] {
    return [...this.#stories].filter(([, story]) => story.joined).map(([room]) => room);
  }

  has(messageId: string): boolean {
    return this.#received.has(messageId);
  }

  /** How often this client was told that something is missing. */
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

  /** Takes in any frame; the ones without messages are passed over. `since` is what the join had given that this frame answers. */
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

  /** The connection is gone: pages under way will not come. */
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

  /** A new stretch: the latest page, and what follows it. */
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

export interface Comparison {
  /** Everything that breaks the contract, each client's own findings included. Empty is what a test wants. */
  readonly violations: readonly Violation[];
  /** Losses that clients were told of, all together. */
  readonly told: number;
  /** Distinct messages acked to their senders. */
  readonly acked: number;
  /** Distinct offsets received, over all clients and epochs. */
  readonly messages: number;
  /** Repetitions over epochs, all together: allowed only where Redis was lost. */
  readonly repeatedOverEpochs: number;
}

/**
 * Holds the ledgers of one room's members against each other: the same message at the same offset for all (M3), nothing acked that
 * nobody has, nobody behind at the end. Call it when traffic has come to rest.
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
