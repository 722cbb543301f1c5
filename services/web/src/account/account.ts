/**
 * The login of the chat: a guest, or an account that logs in with a mailed code. The name survives
 * a reload of the page.
 */

import { BrowserLogin, type BrowserLoginOptions, type LoggedIn } from '../login/browser-login.ts';

const NAME_KEY = 'parley.name';

/** What an account needs of the browser and the hub. */
type AccountParts = Pick<BrowserLoginOptions, 'api' | 'locks'> & {
  /** Of this tab: `sessionStorage`. */
  readonly storage: Pick<Storage, 'getItem' | 'setItem'>;
  /** Whether the browser still has a login that `resume` can use. */
  readonly hasLogin: () => boolean;
};

/** The login of the chat. Its methods reject with `ApiError`. */
export class Account extends BrowserLogin {
  readonly #parts: AccountParts;
  /** Identifies the code that this tab asked for last. Another tab may have asked since. */
  #attempt: string | undefined;

  constructor(parts: AccountParts) {
    super({
      ...parts,
      renewal: () => (parts.hasLogin() ? { path: '/auth/refresh', body: { kind: 'user' } } : undefined),
      lock: 'parley.login',
    });
    this.#parts = parts;
  }

  /** The name that the form offers: that of the last user here, or an empty string. */
  get name(): string {
    return this.last?.name ?? this.#parts.storage.getItem(NAME_KEY) ?? '';
  }

  /** How the last person here came in. Undefined if there was none. */
  get lastWay(): 'guest' | 'mail' | undefined {
    if (this.last === undefined) return undefined;
    return this.last.kind === 'guest' ? 'guest' : 'mail';
  }

  /** Enters as a guest. Rejects with `ApiError`, like all methods below. */
  async enterAsGuest(name: string): Promise<void> {
    this.#keepName(await this.enter('/guests', { name }));
  }

  /** Sends a code by mail. `account`: a mail address, or a name whose account has one. */
  async askForCode(account: string): Promise<void> {
    const { attempt } = (await this.#parts.api('POST', '/auth/code', { body: { account } })) as { readonly attempt: string };
    this.#attempt = attempt;
  }

  /**
   * Logs in with a mailed code. If the address is new, resolves with a ticket for `register`,
   * otherwise with undefined.
   */
  async proveCode(account: string, code: string): Promise<string | undefined> {
    const answer = await this.enter<{ readonly registration: string }>('/auth/verify', { account, code, attempt: this.#attempt });
    if ('registration' in answer) return answer.registration;
    this.#keepName(answer);
    return undefined;
  }

  async register(registration: string, name: string): Promise<void> {
    this.#keepName(await this.enter('/auth/register', { registration, name }));
  }

  #keepName({ name }: LoggedIn): void {
    this.#parts.storage.setItem(NAME_KEY, name);
  }
}
