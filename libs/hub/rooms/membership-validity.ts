/** Milliseconds after which a node always asks for a membership again. */
const MEMBERSHIP_MS = 30_000;
/**
 * Milliseconds without knowledge of the changes of rooms after which a node relies on no
 * membership.
 */
const BLIND_MS = 2000;
/**
 * Milliseconds for which changes are remembered: far longer than a membership holds, or than a
 * question takes.
 */
const REMEMBERED_MS = 120_000;

/** The moment at which a node asked for a membership. */
export interface MembershipStamp {
  readonly at: number;
  readonly revision: number;
}

/**
 * Decides whether an earlier membership still holds (R7): this node knows of no change of the room
 * since, and its knowledge is at most two seconds old. So a lost membership serves nobody after two
 * seconds, whatever fails meanwhile. Each change and each question costs O(1), however many users
 * there are.
 */
export class MembershipValidity {
  readonly #steady: () => number;
  /** Counts changes. */
  #revision = 0;
  /** Answers from before this revision hold for no room. */
  #floor = 0;
  /** Rooms that changed, those that changed last at the end. */
  readonly #changed = new Map<string, MembershipStamp>();
  /** Everything committed before this moment is known. */
  #knownUntil = Number.NEGATIVE_INFINITY;

  /** @param steady Milliseconds of a steady clock. */
  constructor(steady: () => number) {
    this.#steady = steady;
  }

  /** Returns the present moment. Call it before you ask for a membership. */
  stamp(): MembershipStamp {
    return { at: this.#steady(), revision: this.#revision };
  }

  /** Returns true if the room has not changed since. */
  stands(room: string, { revision }: MembershipStamp): boolean {
    return revision >= this.#floor && revision >= (this.#changed.get(room)?.revision ?? 0);
  }

  /** Returns true if a membership of that moment may be used now. */
  holds(room: string, stamp: MembershipStamp): boolean {
    const now = this.#steady();
    return now - this.#knownUntil <= BLIND_MS && now - stamp.at < MEMBERSHIP_MS && this.stands(room, stamp);
  }

  /** The room changed. */
  changed(room: string): void {
    this.#revision += 1;
    const stamp = this.stamp();
    this.#changed.delete(room);
    this.#changed.set(room, stamp);
    for (const [other, { at }] of this.#changed) {
      if (stamp.at - at < REMEMBERED_MS) break;
      this.#changed.delete(other);
    }
  }

  /** Any room may have changed. */
  changedAll(): void {
    this.#revision += 1;
    this.#floor = this.#revision;
    this.#changed.clear();
  }

  /** Every change that was committed more than `ageMs` ago is known. */
  known(ageMs: number): void {
    this.#knownUntil = this.#steady() - ageMs;
  }
}
