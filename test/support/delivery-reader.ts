import type { Position } from '#libs/broker/broker.ts';

interface Item {
  readonly offset: number;
  readonly message: { readonly id: string };
}

interface Frame {
  readonly type: string;
  readonly id?: string;
  readonly code?: string;
  readonly epoch?: string;
  readonly offset?: number;
  readonly more?: boolean;
  readonly recovered?: boolean;
  readonly message?: { readonly id: string };
  readonly messages?: readonly Item[];
}

/**
 * Reads the frames of one room as a client does: its position, and every breach of M4 and M5. The
 * id of a message is `epoch:offset`.
 */
export class DeliveryReader {
  readonly breaches: string[] = [];
  position: Position | undefined;
  /** Joins without an answer, with their `since`. */
  readonly #asked = new Map<string, Position | undefined>();
  readonly #isPrivate: boolean;
  /** Whether it is in the room. A public room sends messages only then. */
  #isIn = false;
  #pages: Item[] = [];
  /** Messages that its node got for it and that have not arrived yet. */
  readonly #awaited = new Map<string, Position>();
  /**
   * By epoch: the highest offset of a page or `resync`. Everything below was sent, or reported as
   * lost.
   */
  readonly #told = new Map<string, number>();
  readonly #seen = new Set<string>();

  constructor(isPrivate: boolean, position: Position | undefined) {
    this.#isPrivate = isPrivate;
    this.position = position;
  }

  ask(id: string, since: Position | undefined): void {
    this.#asked.set(id, since);
  }

  left(): void {
    this.#isIn = false;
  }

  /** Its node got a message of a private room for it. */
  signalled({ epoch, offset }: Position): void {
    const key = `${epoch}:${offset}`;
    if (!this.#seen.has(key) && offset > (this.#told.get(epoch) ?? 0)) this.#awaited.set(key, { epoch, offset });
  }

  take(frame: Frame): void {
    switch (frame.type) {
      case 'message':
        this.#message(frame);
        break;
      case 'joined':
        this.#joined(frame);
        break;
      case 'resync':
        this.#resync(frame);
        break;
      case 'error':
        this.#answered(frame.id);
        this.#pages = [];
        break;
      default:
        break;
    }
  }

  /** Returns every breach, after the last frame. `end`: the position of the room. */
  breachesAt(end: Position): string[] {
    const { position } = this;
    const isFollowing = this.#isPrivate ? position !== undefined : this.#isIn;
    const isShort = isFollowing && (position?.epoch !== end.epoch || position.offset !== end.offset);
    return [
      ...this.breaches,
      ...[...this.#asked.keys()].map((id) => `${id} is not answered`),
      ...(isShort ? [`at ${position?.epoch} ${position?.offset}, not at ${end.epoch} ${end.offset}`] : []),
      ...[...this.#awaited.values()].filter(({ epoch }) => epoch === end.epoch).map(({ epoch, offset }) => `${epoch} ${offset} never came`),
    ];
  }

  #message({ offset = 0, message }: Frame): void {
    const epoch = message?.id.split(':')[0] ?? '';
    const { position } = this;
    if (!this.#isPrivate && !this.#isIn) this.breaches.push(`message ${epoch} ${offset} outside`);
    if (position !== undefined && (epoch !== position.epoch || offset !== position.offset + 1))
      this.breaches.push(`message ${epoch} ${offset} after ${position.epoch} ${position.offset}`);
    this.#seen.add(`${epoch}:${offset}`);
    this.#awaited.delete(`${epoch}:${offset}`);
    this.position = { epoch, offset };
  }

  #resync({ epoch = '', offset = 0 }: Frame): void {
    this.#goTo('resync', { epoch, offset });
  }

  #joined({ id, epoch = '', offset = 0, more = false, recovered = false, messages = [] }: Frame): void {
    this.#pages.push(...messages);
    if (more) return;
    const since = this.#asked.get(id ?? '');
    this.#answered(id);
    const got = this.#pages.map((item) => item.message.id).join();
    this.#pages = [];
    if (recovered && since !== undefined) {
      const missed = Array.from({ length: offset - since.offset }, (_, i) => `${since.epoch}:${since.offset + 1 + i}`).join();
      if (epoch !== since.epoch || got !== missed) this.breaches.push(`since ${since.epoch} ${since.offset}: ${got} up to ${offset}`);
    }
    this.#goTo('joined', { epoch, offset });
    this.#isIn = true;
  }

  #goTo(type: string, to: Position): void {
    const { position } = this;
    if (position !== undefined && position.epoch === to.epoch && to.offset < position.offset)
      this.breaches.push(`${type} at ${to.offset}, was at ${position.offset}`);
    this.position = to;
    this.#told.set(to.epoch, to.offset);
    for (const [key, { epoch, offset }] of this.#awaited) if (epoch === to.epoch && offset <= to.offset) this.#awaited.delete(key);
  }

  #answered(id: string | undefined): void {
    if (id === undefined || !this.#asked.delete(id)) this.breaches.push(`answer ${id} to nobody`);
  }
}
