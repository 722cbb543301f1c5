import type { Person } from '#libs/client/index.ts';
import { Observable } from './observable.ts';
import type { Timers } from './timers.ts';

/** Somebody who types tells it at most once a second; after this time without a word they have stopped. */
const SHOWN_MS = 3_500;

/** Who is typing in a room, forgotten when nothing more is heard. */
export class Typists extends Observable {
  readonly #timers: Pick<Timers, 'after'>;
  readonly #typing = new Map<string, { readonly person: Person; readonly stop: () => void }>();

  constructor(timers: Pick<Timers, 'after'>) {
    super();
    this.#timers = timers;
  }

  get people(): Person[] {
    return [...this.#typing.values()].map(({ person }) => person);
  }

  started(person: Person): void {
    this.#typing.get(person.id)?.stop();
    const stop = this.#timers.after(SHOWN_MS, () => this.stopped(person.id));
    this.#typing.set(person.id, { person, stop });
    this.changed();
  }

  /** They said it, or left. */
  stopped(id: string): void {
    this.#typing.get(id)?.stop();
    if (this.#typing.delete(id)) this.changed();
  }

  clear(): void {
    for (const id of [...this.#typing.keys()]) this.stopped(id);
  }
}
