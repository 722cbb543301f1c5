type Listener<T> = (event: T) => void;

/**
 * Typed events. A listener that throws stops no other listener. Its error becomes an uncaught
 * error.
 */
export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>();

  /** Adds a listener. Returns a function that removes it. */
  on<K extends keyof Events>(type: K, listener: Listener<Events[K]>): () => void {
    // Wrapped, so that a function that is added twice is two listeners.
    const own: Listener<Events[K]> = (event) => listener(event);
    const known = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, known);
    known.add(own);
    return () => {
      known.delete(own);
    };
  }

  /** Removes all listeners. */
  end(): void {
    this.#listeners.clear();
  }

  emit<K extends keyof Events>(type: K, event: Events[K]): void {
    for (const listener of [...(this.#listeners.get(type) ?? [])] as Listener<Events[K]>[]) {
      try {
        listener(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
