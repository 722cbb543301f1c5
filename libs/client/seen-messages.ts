/** Ids remembered of each room. */
const REMEMBERED = 2000;

/** Which messages were handed over already, by the id that every copy of a message shares (M2). */
export class SeenMessages {
  readonly #rooms = new Map<string, Set<string>>();

  /** Remembers a message; false where it was known. */
  add(room: string, id: string): boolean {
    const ids = this.#rooms.get(room) ?? new Set();
    if (ids.has(id)) return false;
    ids.add(id);
    this.#rooms.set(room, ids);
    if (ids.size > REMEMBERED) {
      const [oldest] = ids;
      if (oldest !== undefined) ids.delete(oldest);
    }
    return true;
  }

  clear(): void {
    this.#rooms.clear();
  }

  forget(room: string): void {
    this.#rooms.delete(room);
  }
}
