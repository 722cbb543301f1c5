import { ClientError, wordsOf } from './client-error.ts';
import type { ParleyClientOptions } from './client-options.ts';
import type { Requests } from './requests.ts';

export interface TokenRenewalOptions {
  readonly getToken: ParleyClientOptions['getToken'];
  readonly requests: Requests;
  /** Unix seconds: the new token's end. */
  readonly renewed: (expiresAt: number) => void;
}

/** Renews the token of a connection in band, before it ends. Where that fails the hub closes with 4001, and what is to be done then is done. */
export class TokenRenewal {
  readonly #options: TokenRenewalOptions;
  #line: { error?: ClientError } = {};

  constructor(options: TokenRenewalOptions) {
    this.#options = options;
  }

  /** Once. @throws ClientError `NO_TOKEN`, `MISSING_TOKEN`, or what the hub says of the token. */
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

  /** The hub said that the token ends: asks for one, once. */
  notice(): void {
    this.refresh().catch(() => undefined);
  }

  /** What is under way must not go out on another line, which may be another user's. */
  lineDown(error: ClientError): void {
    this.#line.error = error;
    this.#line = {};
  }
}
