/** Rooms one stays in; the hub allows 100 for one connection. */
const ENTERED_MAX = 90;

/** Which rooms this page is in. Whoever enters too many leaves the one that was not looked at for longest. */
export class EnteredRooms {
  readonly #leave: (room: string) => void;
  /** The one looked at last at the end. */
  #rooms: readonly string[] = [];
  /** Rooms that were entered by themselves once: one that was left later is entered again when it is looked at. */
  readonly #greeted = new Set<string>();

  constructor(leave: (room: string) => void) {
    this.#leave = leave;
  }

  /** It is entered, or looked at. */
  enter(room: string): void {
    this.#rooms = [...this.#rooms.filter((one) => one !== room), room];
    const [longest] = this.#rooms;
    if (this.#rooms.length <= ENTERED_MAX || longest === undefined) return;
    this.#rooms = this.#rooms.slice(1);
    this.#leave(longest);
  }

  /** Whether a room of the list is to be entered by itself: the first time only. */
  greet(room: string): boolean {
    if (this.#greeted.has(room)) return false;
    this.#greeted.add(room);
    return true;
  }

  /** It is over, or not mine any more. */
  forget(room: string): void {
    this.#rooms = this.#rooms.filter((one) => one !== room);
    this.#greeted.delete(room);
  }
}
