/** The offset up to which an agent has read each conversation in this browser. */
export class ReadMarks {
  readonly #store: Pick<Storage, 'getItem' | 'setItem'>;
  readonly #key: string;
  #marks: Readonly<Record<string, number>>;

  constructor(store: Pick<Storage, 'getItem' | 'setItem'>, agent: string) {
    this.#store = store;
    this.#key = `parley.read.${agent}`;
    this.#marks = read(store.getItem(this.#key));
  }

  of(room: string): number {
    return this.#marks[room] ?? 0;
  }

  set(room: string, offset: number): void {
    this.#keep({ ...this.#marks, [room]: offset });
  }

  /** Forgets all other conversations. */
  retain(rooms: ReadonlySet<string>): void {
    const kept = Object.entries(this.#marks).filter(([room]) => rooms.has(room));
    if (kept.length < Object.keys(this.#marks).length) this.#keep(Object.fromEntries(kept));
  }

  #keep(marks: Readonly<Record<string, number>>): void {
    this.#marks = marks;
    this.#store.setItem(this.#key, JSON.stringify(marks));
  }
}

function read(text: string | null): Readonly<Record<string, number>> {
  try {
    const marks: unknown = JSON.parse(text ?? '{}');
    if (typeof marks !== 'object' || marks === null) return {};
    return Object.fromEntries(Object.entries(marks).filter((entry): entry is [string, number] => typeof entry[1] === 'number'));
  } catch {
    return {};
  }
}
