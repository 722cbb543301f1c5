import type { ParleyClientOptions } from './client-options.ts';
import type { Requests } from './requests.ts';
import { type Clock, Timer } from './timer.ts';

/** Between two tries to get a token, milliseconds. The hub says it a minute before the end. */
const AGAIN_MS = 10_000;

export interface TokenRenewalOptions {
  readonly getToken: ParleyClientOptions['getToken'];
  readonly requests: Requests;
  readonly clock: Clock;
  /** Unix seconds: the new token's end. */
  readonly renewed: (expiresAt: number) => void;
}

/** Renews the token of a connection in band, before it ends. Where that fails the hub closes with 4001, and what is to be done then is done. */
export class TokenRenewal {
  readonly #options: TokenRenewalOptions;
  readonly #again: Timer;
  #line = 0;

  constructor(options: TokenRenewalOptions) {
    this.#options = options;
    this.#again = new Timer(options.clock, () => void this.begin());
  }

  async begin(): Promise<void> {
    const { getToken, requests, renewed } = this.#options;
    const line = this.#line;
    try {
      const token = await getToken({ fresh: true });
      if (token === null) return;
      const { expiresAt } = await requests.ask({ type: 'refresh', token }, false);
      renewed(expiresAt);
    } catch {
      if (line === this.#line) this.#again.start(AGAIN_MS);
    }
  }

  lineDown(): void {
    this.#line += 1;
    this.#again.stop();
  }
}
