import type { CompactJWSHeaderParameters, FlattenedJWSInput } from 'jose';
import { createRemoteJWKSet, customFetch, errors } from 'jose';
import { HubError } from '#libs/protocol/errors.ts';

export interface RemoteKeysOptions {
  /** Where the issuer publishes its JWK Set (RFC 7517); http or https. */
  readonly url: URL;
  /** After a fetch, an unknown key id does not cause another one for this long. */
  readonly cooldownMs: number;
  /** Older keys are fetched again, beside the verifications that still use them. */
  readonly maxAgeMs: number;
  readonly timeoutMs: number;
  /** After a failed fetch the next one waits this long. */
  readonly failureCooldownMs: number;
  /** Unix milliseconds. */
  readonly clock: () => number;
}

/** Larger key sets are refused. */
const MAX_BYTES = 1_048_576;

/**
 * The public keys of an issuer, fetched from the one address of the settings and from nowhere else.
 *
 * Fetched on the first use, again for a key id not seen yet (at most once a cool-down), and in the background once older than
 * `maxAgeMs`. While the address is away the keys already known go on serving; without any, `key` rejects with `HubError` `UNAVAILABLE`.
 */
export class RemoteKeys {
  readonly #options: RemoteKeysOptions;
  readonly #set: ReturnType<typeof createRemoteJWKSet>;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #failedAt = Number.NEGATIVE_INFINITY;

  constructor(options: RemoteKeysOptions) {
    this.#options = options;
    this.#set = createRemoteJWKSet(options.url, {
      cooldownDuration: options.cooldownMs,
      // Age is watched here: jose would fail a verification whose keys it cannot renew.
      cacheMaxAge: Number.POSITIVE_INFINITY,
      timeoutDuration: options.timeoutMs,
      [customFetch]: (url, init) => this.#fetch(url, init),
    });
  }

  /**
   * The key for a token's header. Where several fit (no `kid`), rejects with jose's `JWKSMultipleMatchingKeys`, which iterates over
   * them; where none does, with `JWKSNoMatchingKey`; with `HubError` `UNAVAILABLE` where the set cannot be had.
   */
  async key(header: CompactJWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    this.#renewStale();
    try {
      return await this.#set(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error;
      throw HubError.from(error);
    }
  }

  #renewStale(): void {
    const { clock, maxAgeMs } = this.#options;
    if (this.#fetchedAt === Number.NEGATIVE_INFINITY || this.#set.reloading || clock() - this.#fetchedAt < maxAgeMs) return;
    // Its failure is told by #fetch to whoever needs a key that is not there.
    this.#set.reload().catch(() => undefined);
  }

  async #fetch(url: string, init: RequestInit): Promise<Response> {
    const { clock, failureCooldownMs } = this.#options;
    const wait = this.#failedAt + failureCooldownMs - clock();
    if (wait > 0) throw new HubError('UNAVAILABLE', undefined, { retryAfter: Math.ceil(wait / 1000) });
    try {
      const response = await fetch(url, init);
      if (response.status !== 200) throw new Error(`the key set answered ${response.status}`);
      const keys = JSON.parse(await textOf(response)) as unknown;
      this.#fetchedAt = clock();
      return Response.json(keys);
    } catch (cause) {
      this.#failedAt = clock();
      throw new HubError('UNAVAILABLE', undefined, { cause, retryAfter: Math.max(1, Math.ceil(failureCooldownMs / 1000)) });
    }
  }
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new RangeError(`the key set is larger than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
