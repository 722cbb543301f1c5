import { ClientError, wordsOf } from './client-error.ts';
import type { ParleyClientOptions } from './client-options.ts';
import type { Requests } from './requests.ts';
import { type Clock, Timer } from './timer.ts';

/** Between two tries to get a token, milliseconds. The hub says it a minute before the end. */
const AGAIN_MS = 10_000;
/** A try that took so long is not waited for any more, milliseconds. */
const HANGS_MS = 20_000;

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
  #line: { error?: ClientError } = {};

  constructor(options: TokenRenewalOptions) {
    this.#options = options;
    this.#again = new Timer(options.clock, () => void this.begin());
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

  /** Again and again, until it is done or the line ends. */
  async begin(): Promise<void> {
    const line = this.#line;
    // Also where getToken hangs.
    this.#again.start(HANGS_MS);
    try {
      await this.refresh();
      this.#again.stop();
    } catch {
      if (line.error === undefined) this.#again.start(AGAIN_MS);
    }
  }

  /** What is under way must not go out on another line, which may be another user's. */
  lineDown(error: ClientError): void {
    this.#line.error = error;
    this.#line = {};
    this.#again.stop();
  }
}
