import { createStore } from 'zustand/vanilla';
import type { Person } from '#libs/client/index.ts';
import { Thread, type ThreadOptions } from '../../conversation/thread.ts';
import type { View } from '../../state/view.ts';
import type { ChatClient } from './chat-client.ts';

/** A thread that also knows who is in the room. */
export class RoomThread extends Thread {
  readonly audience = new Audience();
  readonly #client: Pick<ChatClient, 'presence'>;

  constructor(options: ThreadOptions & { readonly client: Pick<ChatClient, 'presence'> }) {
    super(options);
    this.#client = options.client;
  }

  /** The connection is new and the room was entered again: asks once more who is in it. */
  rejoined(count: number): void {
    this.audience.count(count);
    if (this.status === 'open') void this.#askWhoIsHere();
  }

  /** Somebody came into the room, or left it. */
  member(action: 'joined' | 'left', person: Person): void {
    if (action === 'joined') this.audience.add(person);
    else {
      this.audience.remove(person.id);
      this.left(person.id);
    }
  }

  protected override onEntered(count: number): void {
    this.audience.count(count);
    void this.#askWhoIsHere();
  }

  async #askWhoIsHere(): Promise<void> {
    if (this.room === undefined) return;
    try {
      const { count, users } = await this.#client.presence(this.room);
      this.audience.list(count, users);
    } catch {
      // The next connection asks again.
    }
  }
}

export interface AudienceState {
  /** Distinct users; undefined until the hub tells. It may be higher than the number of names known. */
  readonly count: number | undefined;
  /** Those whose names are known, by name. */
  readonly people: readonly Person[];
}

/** Who is in a room now: a first list, and the changes after it. */
class Audience {
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
