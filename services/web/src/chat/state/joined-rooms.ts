/** The number of joined rooms to keep. The hub allows 100 for one connection. */
const ENTERED_MAX = 90;

/**
 * The rooms that this page has joined. If there are too many, leaves the one that was in view
 * longest ago.
 */
export class JoinedRooms {
  readonly #leave: (room: string) => void;
  /** The room in view last is at the end. */
  #rooms: readonly string[] = [];
  /**
   * Rooms that were joined once without being looked at. If such a room was left, only a look joins
   * it again.
   */
  readonly #greeted = new Set<string>();

  constructor(leave: (room: string) => void) {
    this.#leave = leave;
  }

  /** The room was joined or looked at. */
  add(room: string): void {
    this.#rooms = [...this.#rooms.filter((one) => one !== room), room];
    const [longest] = this.#rooms;
    if (this.#rooms.length <= ENTERED_MAX || longest === undefined) return;
    this.#rooms = this.#rooms.slice(1);
    this.#leave(longest);
  }

  /** Whether to join a listed room without a look: true only the first time. */
  joinOnce(room: string): boolean {
    if (this.#greeted.has(room)) return false;
    this.#greeted.add(room);
    return true;
  }

  /** The room ended, or is not mine any more. */
  forget(room: string): void {
    this.#rooms = this.#rooms.filter((one) => one !== room);
    this.#greeted.delete(room);
  }
}
