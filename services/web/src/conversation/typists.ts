import type { Person } from '#libs/client/index.ts';
import type { Timers } from './timers.ts';

/**
 * Milliseconds after which a person counts as having stopped. The hub reports typing at most once a
 * second.
 */
const SHOWN_MS = 3_500;

/** The people who are typing in a room. */
export class Typists {
  readonly #timers: Pick<Timers, 'after'>;
  readonly #onChange: (people: readonly Person[]) => void;
  readonly #typing = new Map<string, { readonly person: Person; readonly cancel: () => void }>();

  constructor(timers: Pick<Timers, 'after'>, onChange: (people: readonly Person[]) => void) {
    this.#timers = timers;
    this.#onChange = onChange;
  }

  start(person: Person): void {
    this.#typing.get(person.id)?.cancel();
    const cancel = this.#timers.after(SHOWN_MS, () => this.stop(person.id));
    this.#typing.set(person.id, { person, cancel });
    this.#report();
  }

  /** The person published a message, or left. */
  stop(id: string): void {
    this.#typing.get(id)?.cancel();
    if (this.#typing.delete(id)) this.#report();
  }

  clear(): void {
    for (const id of [...this.#typing.keys()]) this.stop(id);
  }

  #report(): void {
    this.#onChange([...this.#typing.values()].map(({ person }) => person));
  }
}
