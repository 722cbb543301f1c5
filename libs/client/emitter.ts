type Listener<T> = (event: T) => void;

/** Typed events. A listener that throws disturbs nobody else: what it threw becomes an uncaught error. */
export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>();

  /** Returns a function that takes the listener off again. */
  on<K extends keyof Events>(type: K, listener: Listener<Events[K]>): () => void {
    // Wrapped, so that one function given twice is two listeners.
    const own: Listener<Events[K]> = (event) => listener(event);
    const known = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, known);
    known.add(own);
    return () => {
      known.delete(own);
    };
  }

  /** Nobody is told anything any more. */
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
