/** Looks up the kind of a user by the id alone. */
import type { Presence } from '#libs/presence/presence.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { SeenStore } from '#libs/store/account-store.ts';

export interface PersonKindsOptions {
  readonly seen: Pick<SeenStore, 'kindOf'>;
  readonly presence: Pick<Presence, 'sessions'>;
  /** Milliseconds that never go back. Default the system's. */
  readonly steady?: () => number;
  /** Resolves after so many milliseconds; it must not keep a process alive. */
  readonly wait: (milliseconds: number) => Promise<void>;
}

/** Milliseconds that an answer is kept: a service that publishes often asks once a second for each user. */
const GOOD_MS = 1_000;
/** Nobody waits longer than this for a store that is away, and for the pause after it not at all, milliseconds. */
const PATIENCE_MS = 500;
const PAUSE_MS = 5_000;
/** Times, and milliseconds between them, that an unknown user is looked up again: they may have connected a moment ago. */
const TRIES = 4;
const TRY_MS = 250;
/** People remembered. */
const REMEMBERED_MAX = 1_000;

export class PersonKinds {
  readonly #options: PersonKindsOptions;
  readonly #steady: () => number;
  readonly #asked = new Map<string, { readonly at: number; readonly kind: Promise<string | undefined> }>();
  #pausedUntil = 0;

  constructor(options: PersonKindsOptions) {
    this.#options = options;
    this.#steady = options.steady ?? (() => performance.now());
  }

  /** The kind the hub knows a user by; undefined if it knows nobody of this id, or a backend is away. Never rejects. */
  of(user: string): Promise<string | undefined> {
    const now = this.#steady();
    const known = this.#asked.get(user);
    if (known !== undefined && now - known.at < GOOD_MS) return known.kind;
    if (now < this.#pausedUntil) return Promise.resolve(undefined);
    const kind = this.#ask(user);
    this.#asked.delete(user);
    this.#asked.set(user, { at: now, kind });
    const [oldest] = this.#asked.keys();
    if (this.#asked.size > REMEMBERED_MAX && oldest !== undefined) this.#asked.delete(oldest);
    return kind;
  }

  /** Nodes write connects to the store in groups, so that a user who is online may not be there yet: they are looked up again. */
  async #ask(user: string): Promise<string | undefined> {
    const { presence, wait } = this.#options;
    try {
      for (let asked = 1; ; asked += 1) {
        const kind = await this.#patiently(user);
        if (kind !== undefined || asked > TRIES) return kind;
        const [sessions = 0] = await presence.sessions([user]);
        if (sessions === 0) return undefined;
        await wait(TRY_MS);
      }
    } catch {
      return undefined;
    }
  }

  /** Rejects, and begins the pause, where the store does not answer in time. */
  async #patiently(user: string): Promise<string | undefined> {
    const { seen, wait } = this.#options;
    const late = wait(PATIENCE_MS).then(() => {
      throw new HubError('UNAVAILABLE');
    });
    // After the answer it is of no interest.
    late.catch(() => undefined);
    try {
      return await Promise.race([seen.kindOf(user), late]);
    } catch (error) {
      this.#pausedUntil = this.#steady() + PAUSE_MS;
      throw error;
    }
  }
}
