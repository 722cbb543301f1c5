/** What the widget keeps of its customer: no secret, that is in the cookie. */
export interface KeptCustomer {
  /** The customer's id. */
  readonly id: string;
  /** The conversation that was last shown. */
  readonly room?: string | undefined;
  /** All up to this offset of it was seen. */
  readonly read?: number | undefined;
}

/** Where it is kept. */
export type Keep = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** The browser's own storage; undefined if it is forbidden, as to frames of another site in a private window. */
export function ownStorage(open: () => Storage): Keep | undefined {
  try {
    const storage = open();
    storage.getItem('');
    return storage;
  } catch {
    return undefined;
  }
}

/** One customer for each channel. Hubs under several paths of one host share a storage: `hub` tells them apart. */
export class CustomerMemory {
  readonly #store: Keep;
  readonly #key: string;
  readonly #attemptKey: string;

  constructor(store: Keep, channel: string, hub = '') {
    this.#store = store;
    this.#key = `parley.customer${hub}.${channel}`;
    this.#attemptKey = `parley.attempt${hub}.${channel}`;
  }

  /** Undefined if nobody is remembered, or what is stored cannot be read. */
  get customer(): KeptCustomer | undefined {
    try {
      const kept = JSON.parse(this.#store.getItem(this.#key) ?? 'null') as Partial<KeptCustomer> | null;
      return typeof kept?.id === 'string' ? { ...kept, id: kept.id } : undefined;
    } catch {
      return undefined;
    }
  }

  remember(customer: KeptCustomer): void {
    this.#store.setItem(this.#key, JSON.stringify(customer));
  }

  forget(): void {
    this.#store.removeItem(this.#key);
  }

  /** The `Idempotency-Key` (A15) of the customer who is about to be created: all tabs of the browser share it. `make` makes it if there is none. */
  attemptKey(make: () => string): string {
    const known = this.#store.getItem(this.#attemptKey);
    if (known !== null) return known;
    const made = make();
    this.#store.setItem(this.#attemptKey, made);
    return made;
  }

  /** The next attempt gets another key. */
  endAttempt(): void {
    if (this.#store.getItem(this.#attemptKey) !== null) this.#store.removeItem(this.#attemptKey);
  }
}
