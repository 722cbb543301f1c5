import type { WebStorage } from '../storage/browser-storage.ts';

/** What the widget stores of its customer. The embedding page may read it. */
interface StoredCustomer {
  /** The customer's id. */
  readonly id: string;
  /** The conversation shown last. */
  readonly room?: string | undefined;
  /** Highest offset of that conversation that the customer has seen. */
  readonly read?: number | undefined;
}

/**
 * Remembers one customer for each channel. Hubs under several paths of a host share a storage, so
 * `hub` is part of the key.
 */
export class CustomerMemory {
  readonly #store: WebStorage;
  readonly #key: string;
  readonly #attemptKey: string;
  readonly #secretKey: string;
  readonly #secrets: WebStorage | undefined;

  /** `secrets`: a storage that no page of another origin can read, if there is one. */
  constructor(store: WebStorage, channel: string, hub = '', secrets?: WebStorage) {
    this.#store = store;
    this.#secrets = secrets;
    this.#secretKey = `parley.secret${hub}.${channel}`;
    this.#key = `parley.customer${hub}.${channel}`;
    this.#attemptKey = `parley.attempt${hub}.${channel}`;
  }

  /** Undefined if nothing is stored, or it cannot be read. */
  get customer(): StoredCustomer | undefined {
    try {
      const kept = JSON.parse(this.#store.getItem(this.#key) ?? 'null') as Partial<StoredCustomer> | null;
      return typeof kept?.id === 'string' ? { ...kept, id: kept.id } : undefined;
    } catch {
      return undefined;
    }
  }

  remember(customer: StoredCustomer): void {
    this.#store.setItem(this.#key, JSON.stringify(customer));
  }

  forget(): void {
    this.#store.removeItem(this.#key);
    this.keepSecret(undefined);
  }

  /** The secret of the login, if a cookie does not hold it. */
  get secret(): string | undefined {
    return this.#secrets?.getItem(this.#secretKey) ?? undefined;
  }

  /** Keeps the secret of a login that no cookie holds. Undefined: a cookie does. */
  keepSecret(secret: string | undefined): void {
    if (secret !== undefined) this.#secrets?.setItem(this.#secretKey, secret);
    else if (this.secret !== undefined) this.#secrets?.removeItem(this.#secretKey);
  }

  /**
   * The `Idempotency-Key` (A15) of the customer to create, shared by all tabs. If there is none,
   * `make` makes it.
   */
  attemptKey(make: () => string): string {
    const known = this.#store.getItem(this.#attemptKey);
    if (known !== null) return known;
    const made = make();
    this.#store.setItem(this.#attemptKey, made);
    return made;
  }

  /** From now on, `attemptKey` makes another key. */
  endAttempt(): void {
    if (this.#store.getItem(this.#attemptKey) !== null) this.#store.removeItem(this.#attemptKey);
  }
}
