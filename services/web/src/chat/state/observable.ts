/** Something that changes over time and tells whoever listens. What it holds is read off it; `version` tells one state from the next. */
export class Observable {
  #listeners = new Set<() => void>();
  #version = 0;

  get version(): number {
    return this.#version;
  }

  /** Calls back after each change, until the returned function is called. Bound: it can be passed on as it is. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  protected changed(): void {
    this.#version += 1;
    for (const listener of [...this.#listeners]) listener();
  }
}
