/** The public keys of another issuer, fetched over HTTP as a JWK Set (RFC 7517). */
import type { CompactJWSHeaderParameters, FlattenedJWSInput } from 'jose';
import { createRemoteJWKSet, customFetch, errors } from 'jose';
import { HubError } from '#libs/protocol/errors.ts';

/** Address, time limits and clock of `RemoteKeys`. */
export interface RemoteKeysOptions {
  /** The address of the issuer's JWK Set (RFC 7517); http or https. */
  readonly url: URL;
  /**
   * Milliseconds after a successful fetch during which an unknown key id causes no further fetch.
   */
  readonly cooldownMs: number;
  /**
   * Age in milliseconds. If the keys are older, their next use also starts a fetch in the
   * background.
   */
  readonly maxAgeMs: number;
  /** Milliseconds for one fetch. */
  readonly timeoutMs: number;
  /**
   * Milliseconds after a failed fetch during which none starts: `key` rejects at once with
   * `UNAVAILABLE` if it needs a fetch.
   */
  readonly failureCooldownMs: number;
  /** Milliseconds of a steady clock. */
  readonly steady: () => number;
  /** Called after each fetch: with undefined if it succeeded, otherwise with the reason. */
  readonly fetched: (problem: string | undefined) => void;
}

/** Largest key set, bytes. */
const MAX_BYTES = 1_048_576;

/**
 * The public keys of an issuer, fetched from the one address of the settings and from nowhere else.
 *
 * Fetches on the first use, for an unknown key id (at most once per cool-down), and in the
 * background if the keys are older than `maxAgeMs`. Concurrent callers share one fetch. If a fetch
 * fails, the known keys stay in use.
 */
export class RemoteKeys {
  readonly #options: RemoteKeysOptions;
  readonly #set: ReturnType<typeof createRemoteJWKSet>;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #fetches = 0;
  #failedAt = Number.NEGATIVE_INFINITY;

  constructor(options: RemoteKeysOptions) {
    this.#options = options;
    this.#set = createRemoteJWKSet(options.url, {
      cooldownDuration: options.cooldownMs,
      // This class tracks the age itself: jose would fail a verification if it cannot renew the
      // keys.
      cacheMaxAge: Number.POSITIVE_INFINITY,
      timeoutDuration: options.timeoutMs,
      [customFetch]: (url, init) => this.#fetch(url, init),
    });
  }

  /**
   * Resolves to the key for the header of a token. Rejects with:
   *
   * - `JWKSMultipleMatchingKeys` of jose if several keys fit, because the token has no `kid`. The
   *   error iterates over these keys.
   * - `JWKSNoMatchingKey` of jose if no key fits and a fetch cannot change that.
   * - `HubError` `UNAVAILABLE` otherwise: the set cannot be fetched, or the key id is unknown and
   *   the cool-down still runs. In the latter case the issuer may have published the key since, and
   *   `retryAfter` has the seconds to wait.
   */
  async key(header: CompactJWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    this.#renewStale();
    const fetches = this.#fetches;
    try {
      return await this.#find(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey && this.#mayCome(header) && this.#fetches === fetches)
        throw new HubError('UNAVAILABLE', 'The key of this token is not known yet: try again.', {
          cause: error,
          retryAfter: this.#pause(),
        });
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error;
      throw HubError.from(error);
    }
  }

  /**
   * Looks up a key and fetches the set once more if the key id is unknown.
   *
   * jose does the same, but its cool-down uses the wall clock: if the clock is set back, that
   * cool-down lasts longer. This method adds the fetch that jose leaves out.
   */
  async #find(header: CompactJWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    const fetches = this.#fetches;
    try {
      return await this.#set(header, token);
    } catch (error) {
      const isCool = this.#options.steady() - this.#fetchedAt < this.#options.cooldownMs;
      if (!(error instanceof errors.JWKSNoMatchingKey) || isCool || !this.#mayCome(header) || this.#fetches !== fetches) throw error;
      await this.#set.reload();
      return this.#set(header, token);
    }
  }

  /**
   * Returns true if the next fetch may bring the key: the token has a key id, and no known key has
   * the same.
   */
  #mayCome({ kid }: CompactJWSHeaderParameters): boolean {
    return typeof kid === 'string' && this.#set.jwks()?.keys.some((key) => key.kid === kid) !== true;
  }

  /** Returns the seconds until an unknown key id causes a fetch again, at least 1. */
  #pause(): number {
    const { steady, cooldownMs } = this.#options;
    return Math.max(1, Math.ceil((this.#fetchedAt + cooldownMs - steady()) / 1000));
  }

  #renewStale(): void {
    const { steady, maxAgeMs } = this.#options;
    if (this.#fetchedAt === Number.NEGATIVE_INFINITY || this.#set.reloading || steady() - this.#fetchedAt < maxAgeMs) return;
    // `#fetch` reports failures, and the known keys stay in use.
    this.#set.reload().catch(() => undefined);
  }

  async #fetch(url: string, init: RequestInit): Promise<Response> {
    const { steady, failureCooldownMs } = this.#options;
    const wait = this.#failedAt + failureCooldownMs - steady();
    if (wait > 0) throw new HubError('UNAVAILABLE', undefined, { retryAfter: Math.ceil(wait / 1000) });
    try {
      const response = await fetch(url, init);
      if (response.status !== 200) throw new Error(`it answers ${response.status}`);
      const keys = JSON.parse(await textOf(response)) as unknown;
      if (!isKeySet(keys)) throw new Error('its answer is not a JWK Set');
      this.#fetchedAt = steady();
      this.#fetches += 1;
      this.#options.fetched(undefined);
      return Response.json(keys);
    } catch (cause) {
      this.#failedAt = steady();
      this.#options.fetched(problemOf(cause));
      throw new HubError('UNAVAILABLE', undefined, { cause, retryAfter: Math.max(1, Math.ceil(failureCooldownMs / 1000)) });
    }
  }
}

/** Checks the form of RFC 7517 section 5. jose checks the keys themselves. */
function isKeySet(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'keys' in value && Array.isArray(value.keys);
}

/**
 * Returns the reason of a failed `fetch`, which Node puts into the cause of the error. Of the URL
 * it has the host at most.
 */
function problemOf(error: unknown): string {
  if (error instanceof SyntaxError) return 'its answer is not JSON';
  if (error instanceof AggregateError) return [...new Set(error.errors.map(problemOf))].join('; ');
  if (!(error instanceof Error)) return String(error);
  if (error instanceof TypeError && error.cause !== undefined) return problemOf(error.cause);
  return error.name === 'TimeoutError' || error.name === 'AbortError' ? 'it does not answer in time' : error.message;
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new RangeError(`its answer is larger than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
