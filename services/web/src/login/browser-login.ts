/** A login of this browser: its token in memory, what gets the next one in a cookie that no script can read. */

import { ApiError, type HubApi } from './hub-api.ts';

/** Whose login it is. */
export interface LoggedIn {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
}

export interface BrowserLoginOptions {
  readonly api: HubApi;
  /** Where the next token is got, and what is sent along; undefined if nobody was here before. */
  readonly renewal: () => { readonly path: string; readonly body?: object } | undefined;
  /** What is sent along where the login is ended: whose it is. */
  readonly ending?: object;
  /** The name of the lock that the tabs share which share the cookie. */
  readonly lock: string;
  /** Without https there are none. */
  readonly locks: Pick<LockManager, 'request'> | undefined;
}

interface LoginAnswer {
  readonly token: string;
  readonly user: LoggedIn;
}

export class BrowserLogin {
  readonly #options: BrowserLoginOptions;
  #token: string | undefined;
  #renewing: Promise<boolean> | undefined;
  /** Counts the times it was left: a renewal that comes back after that is not taken. */
  #left = 0;
  #user: LoggedIn | undefined;
  #last: LoggedIn | undefined;

  constructor(options: BrowserLoginOptions) {
    this.#options = options;
  }

  /** Undefined while nobody is logged in. */
  get user(): LoggedIn | undefined {
    return this.#user;
  }

  /** Who is, or was the last to be, logged in here. */
  get last(): LoggedIn | undefined {
    return this.#last;
  }

  /**
   * Comes in through a route that answers with a login. What a route answers with in place of one is passed on, and nobody is in. Rejects with `ApiError`, as
   * all below.
   */
  async enter<Other extends object = never>(path: string, body: object): Promise<LoggedIn | Other> {
    const answer = await this.#alone(() => this.#options.api('POST', path, { body }));
    return isLogin(answer) ? this.#take(answer) : (answer as Other);
  }

  /**
   * Comes in through a route that makes somebody new, unless another tab of this browser did so meanwhile: then it goes on as that one. `kept` is called before any
   * other tab may look. `key` is asked for the `Idempotency-Key`: without locks, it makes tabs that send the same
   * request at once the same one.
   */
  async enterOnce(path: string, body: object, key: () => string, kept: (user: LoggedIn) => void): Promise<LoggedIn> {
    return this.#alone(async () => {
      if (this.#options.renewal() !== undefined && (await this.#renew()) && this.#user !== undefined) return this.#user;
      const user = this.#take((await this.#options.api('POST', path, { body, key: key() })) as LoginAnswer);
      kept(user);
      return user;
    });
  }

  /** Goes on with the login that the cookie has; false if there is none. One renewal serves all who ask meanwhile. */
  resume(): Promise<boolean> {
    this.#renewing ??= this.#alone(() => this.#renew()).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** The token for a connection, a fresh one where the last was refused or ends; null if the login is over. */
  getToken = async ({ fresh }: { readonly fresh: boolean }): Promise<string | null> => {
    if (!fresh && this.#token !== undefined) return this.#token;
    return (await this.resume()) ? (this.#token ?? null) : null;
  };

  /** A call of the API as this user. */
  call = async (method: string, path: string, body?: unknown, key?: string): Promise<unknown> => {
    const { api } = this.#options;
    try {
      return await api(method, path, { body, key, token: this.#token });
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 'TOKEN_EXPIRED' && (await this.resume()))) throw error;
      return api(method, path, { body, key, token: this.#token });
    }
  };

  /** Ends the login, in all tabs. Where the hub cannot be told, it rejects: nobody is in here any longer, but the cookie still is a login. */
  async leave(): Promise<void> {
    const token = this.#token;
    this.forget();
    await this.#alone(() => this.#options.api('POST', '/auth/logout', { token, body: this.#options.ending, keepalive: true }));
  }

  /** Nobody is logged in here any longer; the hub is told nothing. */
  forget(): void {
    this.#left += 1;
    this.#token = undefined;
    this.#user = undefined;
  }

  /** After a renewal without an answer the next one may follow at once: the hub answers a secret with the same next one until that is used (A4). */
  async #renew(): Promise<boolean> {
    const { api, renewal } = this.#options;
    const way = renewal();
    if (way === undefined) return false;
    const left = this.#left;
    try {
      const answer = (await api('POST', way.path, { body: way.body, keepalive: true })) as LoginAnswer;
      // Somebody else may have logged in in another tab of this browser.
      if (left !== this.#left || (this.#user?.id ?? answer.user.id) !== answer.user.id) return false;
      this.#take(answer);
      return true;
    } catch (error) {
      if (error instanceof ApiError && (error.code === 'TOKEN_EXPIRED' || error.code === 'MISSING_TOKEN')) return false;
      throw error;
    }
  }

  #take({ token, user }: LoginAnswer): LoggedIn {
    this.#token = token;
    this.#user = user;
    this.#last = user;
    return user;
  }

  /** One tab at a time: what one is answered, the others go on with. Frames in other sites may be denied locks: they go without. */
  async #alone<Result>(task: () => Promise<Result>): Promise<Result> {
    const { locks, lock } = this.#options;
    let begun = false;
    const begin = () => {
      begun = true;
      return task();
    };
    try {
      return locks === undefined ? await begin() : ((await locks.request(lock, begin)) as Result);
    } catch (error) {
      if (begun) throw error;
      return begin();
    }
  }
}

function isLogin(answer: unknown): answer is LoginAnswer {
  return typeof answer === 'object' && answer !== null && 'token' in answer;
}

/**
 * Whether the hub left a login in this browser (A4). Its secret is out of reach of scripts; what stands beside it tells that it is there, so that a page
 * need not ask for one that is not.
 *
 * @param cookies `document.cookie`
 * @param suffix What the names of this hub's cookies end with: `cookieSuffix()`
 */
export function hasLogin(cookies: string, hint: 'parley_in' | 'parley_agent_in', suffix = ''): boolean {
  return cookies.split(/; ?/).includes(`${hint}${suffix}=1`);
}

/** The hub wrote it into its page: others of the same host name have cookies of their own. */
export function cookieSuffix(page: Pick<Document, 'documentElement'> = document): string {
  return page.documentElement.dataset['cookies'] ?? '';
}
