import type { ClientFrames } from '#libs/protocol/frame-types.ts';
import { ClientError, wordsOf } from './client-error.ts';
import type { ParleyClientOptions } from './client-options.ts';
import type { Requests } from './requests.ts';

export interface TokenRenewalOptions {
  readonly getToken: ParleyClientOptions['getToken'];
  readonly requests: Requests;
  /** Takes the end of the new token, Unix seconds. */
  readonly renewed: (expiresAt: number) => void;
}

/**
 * Renews the token on the same connection before it ends. If that fails, the hub closes with 4001
 * and the connector acts on it.
 */
export class TokenRenewal {
  readonly #options: TokenRenewalOptions;

  constructor(options: TokenRenewalOptions) {
    this.#options = options;
  }

  /**
   * Renews it once. A renewal under way does not continue on another connection, which may be another
   * user's. @throws ClientError `NO_TOKEN`, `MISSING_TOKEN`, `TIMEOUT`, or the hub's code.
   */
  async refresh(): Promise<number> {
    const { requests, renewed } = this.#options;
    const { expiresAt } = await requests.ask(this.#question(), false);
    renewed(expiresAt);
    return expiresAt;
  }

  /** `token_expiring` came: renews the token once. */
  notice(): void {
    this.refresh().catch(() => undefined);
  }

  async #question(): Promise<Omit<ClientFrames['refresh'], 'id'>> {
    let token: string | null;
    try {
      token = await this.#options.getToken({ fresh: true });
    } catch (error) {
      throw new ClientError('NO_TOKEN', wordsOf(error), true);
    }
    if (!token) throw new ClientError('MISSING_TOKEN', 'nobody is logged in');
    return { type: 'refresh', token };
  }
}
