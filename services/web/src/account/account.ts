/**
 * The login of the chat: a guest, or an account that logs in with a mailed code. The name survives
 * a reload of the page.
 */

import type { Language } from '#libs/protocol/languages.ts';
import { BrowserLogin, type BrowserLoginOptions, type LoggedIn } from '../login/browser-login.ts';
import type { WebStorage } from '../storage/browser-storage.ts';

const NAME_KEY = 'parley.name';
const STEP_KEY = 'parley.entry';

/** A step of the way in that a reload of the tab comes back to, until it is over. */
export type KeptStep =
  /** `claimed`: the mail address or name that the person typed. */
  | { readonly is: 'code'; readonly claimed: string }
  /** `registration`: the ticket for `register`. */
  | { readonly is: 'name'; readonly registration: string };

/** Codes and tickets are good for so long, milliseconds (A1, A2). */
const STEP_MS = 600_000;

/** What an account needs of the browser and the hub. */
type AccountParts = Pick<BrowserLoginOptions, 'api' | 'locks'> & {
  /** Of this tab: `tabStorage`. */
  readonly storage: WebStorage;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Whether the browser still has a login that `resume` can use. */
  readonly hasLogin: () => boolean;
};

/** The login of the chat. Its methods reject with `ApiError`. */
export class Account extends BrowserLogin {
  readonly #parts: AccountParts;
  /**
   * Identifies the code that this tab asked for last. Another tab may have asked since. After a
   * reload the cookie of the browser stands for it.
   */
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

  /** The step before a reload of this tab. Undefined if there was none, or if it is over. */
  get keptStep(): KeptStep | undefined {
    try {
      const kept = JSON.parse(this.#parts.storage.getItem(STEP_KEY) ?? 'null') as (KeptStep & { readonly until: number }) | null;
      if (kept === null || !(kept.until > this.#parts.now())) return undefined;
      return kept.is === 'code' || kept.is === 'name' ? kept : undefined;
    } catch {
      return undefined;
    }
  }

  /** The person left the step for another one. */
  dropStep(): void {
    this.#parts.storage.removeItem(STEP_KEY);
  }

  /** Enters as a guest. Rejects with `ApiError`, like all methods below. */
  async enterAsGuest(name: string): Promise<void> {
    this.#keepName(await this.enter('/guests', { name }));
  }

  /**
   * Sends a code by mail. `account`: a mail address, or a name whose account has one. `language`:
   * that of the mail.
   */
  async askForCode(account: string, language: Language): Promise<void> {
    const { attempt } = (await this.#parts.api('POST', '/auth/code', { body: { account, language } })) as { readonly attempt: string };
    this.#attempt = attempt;
    this.#keepStep({ is: 'code', claimed: account });
  }

  /**
   * Logs in with a mailed code. If the address is new, resolves with a ticket for `register`,
   * otherwise with undefined.
   */
  async proveCode(account: string, code: string): Promise<string | undefined> {
    const answer = await this.enter<{ readonly registration: string }>('/auth/verify', { account, code, attempt: this.#attempt });
    if ('registration' in answer) {
      this.#keepStep({ is: 'name', registration: answer.registration });
      return answer.registration;
    }
    this.#keepName(answer);
    return undefined;
  }

  async register(registration: string, name: string): Promise<void> {
    this.#keepName(await this.enter('/auth/register', { registration, name }));
  }

  #keepName({ name }: LoggedIn): void {
    this.#parts.storage.setItem(NAME_KEY, name);
    this.dropStep();
  }

  #keepStep(step: KeptStep): void {
    this.#parts.storage.setItem(STEP_KEY, JSON.stringify({ ...step, until: this.#parts.now() + STEP_MS }));
  }
}
