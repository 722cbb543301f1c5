import { HubError } from '#libs/protocol/errors.ts';
import type { Credentials } from './credentials.ts';
import type { RevocationFeed } from './revocation-feed.ts';
import type { Revocations } from './revocations.ts';
import type { TokenVerifier } from './token-verifier.ts';

export interface TokenGateOptions {
  readonly verifier: TokenVerifier;
  readonly revocations: Revocations;
  readonly feed: Pick<RevocationFeed, 'ready'>;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** The whole of H3: a good token, that was not revoked, of a user who is not banned. What a gateway and the API let people in by. */
export class TokenGate {
  readonly #options: TokenGateOptions;

  constructor(options: TokenGateOptions) {
    this.#options = options;
  }

  /**
   * The bearer's credentials: at once where a key of ours signed the token, promised where a key set decides. Throws, or rejects with, what
   * `TokenVerifier.verify` does; `TOKEN_EXPIRED` for revoked and banned; `UNAVAILABLE` while it is not known yet what was revoked.
   */
  verify(token: string): Credentials | Promise<Credentials> {
    const { verifier, now } = this.#options;
    const credentials = verifier.verify(token, now());
    return credentials instanceof Promise ? credentials.then((good) => this.#passed(good, token)) : this.#passed(credentials, token);
  }

  #passed(credentials: Credentials, token: string): Credentials {
    const { revocations, feed, now } = this.#options;
    if (!feed.ready) throw new HubError('UNAVAILABLE', 'It is not known yet which tokens were revoked.', { retryAfter: 1 });
    revocations.check(credentials, token, now());
    return credentials;
  }
}
