import type { Person } from '#libs/client/index.ts';
import { Thread, type ThreadOptions } from '../../conversation/thread.ts';
import { Audience } from './audience.ts';
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
