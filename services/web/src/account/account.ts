/** Who uses the chat: guests, and accounts that log in by mailed code. The name outlives a reload. */

import { BrowserLogin, type BrowserLoginOptions, type LoggedIn } from '../login/browser-login.ts';

const NAME_KEY = 'parley.name';

export type AccountParts = Pick<BrowserLoginOptions, 'api' | 'locks'> & {
  /** Of this tab. */
  readonly storage: Pick<Storage, 'getItem' | 'setItem'>;
  /** Whether the browser has a login to go on with. */
  readonly hasLogin: () => boolean;
};

export class Account extends BrowserLogin {
  readonly #parts: AccountParts;
  /** Which code was asked for here last: another tab may have asked since. */
  #attempt: string | undefined;

  constructor(parts: AccountParts) {
    super({
      ...parts,
      renewal: () => (parts.hasLogin() ? { path: '/auth/refresh', body: { kind: 'user' } } : undefined),
      lock: 'parley.login',
    });
    this.#parts = parts;
  }

  /** The name to offer in the form. */
  get name(): string {
    return this.last?.name ?? this.#parts.storage.getItem(NAME_KEY) ?? '';
  }

  /** How whoever was here last came in. */
  get lastWay(): 'guest' | 'mail' | undefined {
    if (this.last === undefined) return undefined;
    return this.last.kind === 'guest' ? 'guest' : 'mail';
  }

  /** Comes in as a guest. Rejects with `ApiError`, as all below. */
  async enterAsGuest(name: string): Promise<void> {
    this.#keepName(await this.enter('/guests', { name }));
  }

  /** Has a code mailed to an address, or to the one of a name. */
  async askForCode(account: string): Promise<void> {
    const { attempt } = (await this.#parts.api('POST', '/auth/code', { body: { account } })) as { readonly attempt: string };
    this.#attempt = attempt;
  }

  /** Logs in; resolves with a ticket to register with where the address is new, otherwise with undefined. */
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
