import { createStore } from 'zustand/vanilla';
import type { Person } from '#libs/client/index.ts';
import { Thread } from '../../conversation/thread.ts';
import type { ThreadOptions } from '../../conversation/thread-state.ts';
import type { Timers } from '../../conversation/timers.ts';
import type { View } from '../../state/view.ts';
import type { ChatClient } from './chat-client.ts';

/** Milliseconds before a failed read is tried again. */
const READ_AGAIN_MS = 3_000;

/** A thread that also knows who is in the room. */
export class RoomThread extends Thread {
  readonly audience = new Audience();
  readonly #client: Pick<ChatClient, 'presence'>;
  readonly #timers: Timers;
  #endedRead = false;

  constructor(options: ThreadOptions & { readonly client: Pick<ChatClient, 'presence'> }) {
    super(options);
    this.#client = options.client;
    this.#timers = options.timers;
  }

  /** A new connection joined the room again: asks who is in it. */
  rejoined(count: number): void {
    this.audience.count(count);
    if (this.status === 'open') void this.#loadAudience();
  }

  /** The room ended, and keeps its history: reads the newest page, again after a failure. */
  readEnded(): void {
    this.end('over', 'ended');
    if (this.#endedRead) return;
    this.#endedRead = true;
    this.read().catch(() =>
      this.#timers.after(READ_AGAIN_MS, () => {
        this.#endedRead = false;
        this.readEnded();
      }),
    );
  }

  /** A person joined or left the room. */
  member(action: 'joined' | 'left', person: Person): void {
    if (action === 'joined') this.audience.add(person);
    else {
      this.audience.remove(person.id);
      this.left(person.id);
    }
  }

  protected override onJoined(count: number): void {
    this.audience.count(count);
    void this.#loadAudience();
  }

  async #loadAudience(): Promise<void> {
    if (this.room === undefined) return;
    try {
      const { count, users } = await this.#client.presence(this.room);
      this.audience.list(count, users);
    } catch {
      // The next connection asks again.
    }
  }
}

interface AudienceState {
  /** Distinct users. Undefined until the hub tells. May be higher than the number of `people`. */
  readonly count: number | undefined;
  /** The people with known names, sorted by name. */
  readonly people: readonly Person[];
}

/** The people in a room: a first list, then its changes. */
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

/** Keeps each person once. Of two with the same id, keeps the later one. */
function byName(people: readonly Person[]): Person[] {
  const all = [...new Map(people.map((person) => [person.id, person])).values()];
  return all.sort((one, other) => one.name.localeCompare(other.name) || (one.id < other.id ? -1 : 1));
}
