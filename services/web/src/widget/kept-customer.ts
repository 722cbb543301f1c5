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

  get value(): KeptCustomer | undefined {
    try {
      const kept = JSON.parse(this.#store.getItem(this.#key) ?? 'null') as Partial<KeptCustomer> | null;
      return typeof kept?.id === 'string' ? { ...kept, id: kept.id } : undefined;
    } catch {
      return undefined;
    }
  }

  set value(customer: KeptCustomer | undefined) {
    if (customer === undefined) this.#store.removeItem(this.#key);
    else this.#store.setItem(this.#key, JSON.stringify(customer));
  }
  /** The `Idempotency-Key` (A15) of a customer who is to come in: the tabs share it. Undefined once they have. */
  get attempt(): string | undefined {
    return this.#store.getItem(this.#attemptKey) ?? undefined;
  }

  set attempt(key: string | undefined) {
    if (key !== undefined) this.#store.setItem(this.#attemptKey, key);
    else if (this.attempt !== undefined) this.#store.removeItem(this.#attemptKey);
  }
}
