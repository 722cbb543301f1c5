import { createStore } from 'zustand/vanilla';
import type { Person } from '#libs/client/index.ts';
import type { View } from '../../state/view.ts';

export interface AudienceState {
  /** Distinct users; undefined until the hub tells. It may be higher than the number of names known. */
  readonly count: number | undefined;
  /** Those whose names are known, by name. */
  readonly people: readonly Person[];
}

/** Who is in a room now: a first list, and the changes after it. */
export class Audience {
  readonly #store = createStore<AudienceState>(() => ({ count: undefined, people: [] }));
  readonly view: View<AudienceState> = this.#store;

  list(count: number, people: readonly Person[]): void {
    this.#store.setState({ count, people: byName(people) });
  }

  count(count: number): void {
    this.#store.setState({ count });
  }

  add(person: Person): void {
    this.#store.setState({ people: byName([...this.#without(person.id), person]) });
  }

  remove(id: string): void {
    this.#store.setState({ people: this.#without(id) });
  }

  #without(id: string): readonly Person[] {
    return this.#store.getState().people.filter((one) => one.id !== id);
  }
}

/** Each once; of two with one id the later. */
function byName(people: readonly Person[]): Person[] {
  const all = [...new Map(people.map((person) => [person.id, person])).values()];
  return all.sort((one, other) => one.name.localeCompare(other.name) || (one.id < other.id ? -1 : 1));
}
