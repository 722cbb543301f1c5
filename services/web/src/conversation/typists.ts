/** Milliseconds after which somebody who was typing counts as having stopped; the hub tells once a second. */
const STILL_MS = 3_500;

/** Who is typing now. */
export class Typists {
  readonly #changed: () => void;
  readonly #names = new Map<string, { readonly name: string; readonly timer: ReturnType<typeof setTimeout> }>();

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** One of them, by name. */
  get name(): string | undefined {
    return this.#names.values().next().value?.name;
  }

  type({ id, name }: { readonly id: string; readonly name: string }): void {
    clearTimeout(this.#names.get(id)?.timer);
    this.#names.set(id, { name, timer: setTimeout(() => this.stop(id), STILL_MS) });
    this.#changed();
  }

  /** They stopped, or said it. */
  stop(id: string): void {
    const one = this.#names.get(id);
    if (one === undefined) return;
    clearTimeout(one.timer);
    this.#names.delete(id);
    this.#changed();
  }

  clear(): void {
    for (const id of [...this.#names.keys()]) this.stop(id);
  }
}
