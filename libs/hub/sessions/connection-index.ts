import type { Connection } from './connection.ts';

const NONE: readonly Connection[] = [];

/** Connections by a key that one of them has, or few share. A connection costs one entry of a map, some 50 bytes; one that shares its key a list, too. */
export class ConnectionIndex {
  readonly #entries = new Map<string, Connection | Connection[]>();

  /** Those with this key now: what is ended meanwhile stays in the list. */
  of(key: string): readonly Connection[] {
    const found = this.#entries.get(key);
    if (found === undefined) return NONE;
    return Array.isArray(found) ? [...found] : [found];
  }

  /** A connection without a key is not in it. */
  add(key: string | undefined, connection: Connection): void {
    if (key === undefined) return;
    const found = this.#entries.get(key);
    if (found === undefined) this.#entries.set(key, connection);
    else if (Array.isArray(found)) found.push(connection);
    else this.#entries.set(key, [found, connection]);
  }

  remove(key: string | undefined, connection: Connection): void {
    if (key === undefined) return;
    const found = this.#entries.get(key);
    if (found === connection) this.#entries.delete(key);
    if (!Array.isArray(found)) return;
    const rest = found.filter((other) => other !== connection);
    const [only = connection] = rest;
    this.#entries.set(key, rest.length === 1 ? only : rest);
  }
}
