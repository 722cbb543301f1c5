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
  #line: { error?: ClientError } = {};

  constructor(options: TokenRenewalOptions) {
    this.#options = options;
  }

  /** Renews it once. @throws ClientError `NO_TOKEN`, `MISSING_TOKEN`, or the hub's code. */
  async refresh(): Promise<number> {
    const { getToken, requests, renewed } = this.#options;
    const line = this.#line;
    let token: string | null;
    try {
      token = await getToken({ fresh: true });
    } catch (error) {
      throw new ClientError('NO_TOKEN', wordsOf(error), true);
    }
    if (!token) throw new ClientError('MISSING_TOKEN', 'nobody is logged in');
    if (line.error !== undefined) throw line.error;
    const { expiresAt } = await requests.ask({ type: 'refresh', token }, false);
    renewed(expiresAt);
    return expiresAt;
  }

  /** `token_expiring` came: renews the token once. */
  notice(): void {
    this.refresh().catch(() => undefined);
  }

  /** A renewal under way must not continue on another connection, which may be another user's. */
  lineDown(error: ClientError): void {
    this.#line.error = error;
    this.#line = {};
  }
}
