/** Milliseconds after which a membership is always asked for again. */
const MEMBERSHIP_MS = 30_000;
/** A node that does not know the changes of rooms for longer than this, milliseconds, relies on no membership. */
const BLIND_MS = 2000;
/** Changes are remembered for this long, milliseconds: far longer than a membership holds, or than asking for one takes. */
const REMEMBERED_MS = 120_000;

/** When a membership was asked for. */
export interface MembershipStamp {
  readonly at: number;
  readonly revision: number;
}

/**
 * Whether a membership that was asked for some time ago still holds (R7): its room did not change since, as far as this node knows, and this knowledge is
 * at most two seconds old. So a membership that is lost serves nobody two seconds later, whatever fails in between. O(1) for each change and each
 * question, however many users there are.
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

  /** `now`: milliseconds. */
  constructor(steady: () => number) {
    this.#steady = steady;
  }

  /** Take it before a membership is asked for. */
  stamp(): MembershipStamp {
    return { at: this.#steady(), revision: this.#revision };
  }

  /** Whether nothing became of the room since. */
  stands(room: string, { revision }: MembershipStamp): boolean {
    return revision >= this.#floor && revision >= (this.#changed.get(room)?.revision ?? 0);
  }

  /** Whether a membership of that moment may be used now. */
  holds(room: string, stamp: MembershipStamp): boolean {
    const now = this.#steady();
    return now - this.#knownUntil <= BLIND_MS && now - stamp.at < MEMBERSHIP_MS && this.stands(room, stamp);
  }

  /** Something became of the room. */
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

  /** Something may have become of any room. */
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
