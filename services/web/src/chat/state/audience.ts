import type { Person } from '#libs/client/index.ts';
import { Observable } from './observable.ts';

/** Who is in a room now: a first list, and what comes and goes after it. The count may be higher than the names known. */
export class Audience extends Observable {
  #people = new Map<string, Person>();
  #count: number | undefined;

  /** Distinct users; undefined until it is told. */
  get count(): number | undefined {
    return this.#count;
  }

  /** Those whose names are known, by name. */
  get people(): Person[] {
    return [...this.#people.values()].sort((one, other) => one.name.localeCompare(other.name) || (one.id < other.id ? -1 : 1));
  }

  has(id: string): boolean {
    return this.#people.has(id);
  }

  list(count: number, people: readonly Person[]): void {
    this.#people = new Map(people.map((person) => [person.id, person]));
    this.counted(count);
  }

  counted(count: number): void {
    this.#count = count;
    this.changed();
  }

  came(person: Person): void {
    this.#people.set(person.id, person);
    this.changed();
  }

  went(id: string): void {
    if (this.#people.delete(id)) this.changed();
  }
}
