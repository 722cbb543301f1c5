/**
 * A login of this browser. The token is in memory. The secret for the next token is in a cookie
 * that no script can read.
 */

import { withDeadline } from './deadline.ts';
import { ApiError, CALL_MS, type HubApi } from './hub-api.ts';

/**
 * Milliseconds that a task waits for the lock: longer than a call takes. A tab that holds it longer is
 * frozen, for example because its phone put it to sleep.
 */
const LOCK_MS = CALL_MS + 5_000;

/** The person who is logged in. */
export interface LoggedIn {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
}

/** What tells the logins of one browser apart: their cookie, their lock. */
export interface BrowserLoginOptions {
  readonly api: HubApi;
  /** The request for the next token. Undefined if this browser has no login. */
  readonly renewal: () => { readonly path: string; readonly body?: object } | undefined;
  /** Called with the secret of each login, for pages whose cookies may not be kept. */
  readonly onSecret?: (refresh: string) => void;
  /** The body of the logout request: it says which kind of login ends. */
  readonly ending?: object;
  /** Name of the lock for all tabs that share the cookie. */
  readonly lock: string;
  /** Undefined without https. */
  readonly locks: Pick<LockManager, 'request'> | undefined;
}

interface LoginAnswer {
  readonly token: string;
  readonly refresh: string;
  readonly user: LoggedIn;
}

/** The login of one browser, shared by its tabs. */
export class BrowserLogin {
  readonly #options: BrowserLoginOptions;
  #token: string | undefined;
  #renewing: Promise<boolean> | undefined;
  /** Counts logouts, so that a renewal that began before one is dropped. */
  #logouts = 0;
  #user: LoggedIn | undefined;
  #last: LoggedIn | undefined;

  constructor(options: BrowserLoginOptions) {
    this.#options = options;
  }

  /** Undefined if nobody is logged in. */
  get user(): LoggedIn | undefined {
    return this.#user;
  }

  /** The person who is logged in, or was last. */
  get last(): LoggedIn | undefined {
    return this.#last;
  }

  /**
   * Sends a login request. Some routes may answer with something else: then returns that, and
   * nobody is logged in. Rejects with `ApiError`, like all methods below.
   */
  async enter<Other extends object = never>(path: string, body: object): Promise<LoggedIn | Other> {
    const answer = await this.#exclusively(() => this.#options.api('POST', path, { body }));
    return isLogin(answer) ? this.#take(answer) : (answer as Other);
  }

  /**
   * Sends a request that creates a user, unless another tab has created one meanwhile: then logs in
   * as that one. Calls `kept` before any other tab can continue. `key` makes the `Idempotency-Key`.
   * If tabs without locks send the same request at once, the key makes them the same user.
   */
  async enterOnce(path: string, body: object, key: () => string, onCreated: (user: LoggedIn) => void): Promise<LoggedIn> {
    return this.#exclusively(async () => {
      if (this.#options.renewal() !== undefined && (await this.#renew()) && this.#user !== undefined) return this.#user;
      const user = this.#take((await this.#options.api('POST', path, { body, key: key() })) as LoginAnswer);
      onCreated(user);
      return user;
    });
  }

  /**
   * Renews the login from the cookie. Returns false if there is none. Calls during a renewal share
   * it.
   */
  resume(): Promise<boolean> {
    this.#renewing ??= this.#exclusively(() => this.#renew()).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /**
   * The token for a connection. `fresh`: the last one was refused or expires. Null if the login is
   * over.
   */
  getToken = async ({ fresh }: { readonly fresh: boolean }): Promise<string | null> => {
    if (!fresh && this.#token !== undefined) return this.#token;
    return (await this.resume()) ? (this.#token ?? null) : null;
  };

  /** Calls the API as this user. */
  call = async (method: string, path: string, body?: unknown, key?: string): Promise<unknown> => {
    const { api } = this.#options;
    try {
      return await api(method, path, { body, key, token: this.#token });
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 'TOKEN_EXPIRED' && (await this.resume()))) throw error;
      return api(method, path, { body, key, token: this.#token });
    }
  };

  /**
   * Logs out in all tabs. If the hub cannot be reached, rejects: nobody is logged in here, but the
   * cookie still holds a login.
   */
  async leave(): Promise<void> {
    const token = this.#token;
    this.forget();
    await this.#exclusively(() => this.#options.api('POST', '/auth/logout', { token, body: this.#options.ending, keepalive: true }));
  }

  /** Forgets the login in this tab. Does not tell the hub. */
  forget(): void {
    this.#logouts += 1;
    this.#token = undefined;
    this.#user = undefined;
  }

  /**
   * If a renewal gets no answer, the next one may follow at once: until the next secret is used,
   * the hub returns the same one (A4).
   */
  async #renew(): Promise<boolean> {
    const { api, renewal } = this.#options;
    const way = renewal();
    if (way === undefined) return false;
    const left = this.#logouts;
    try {
      const answer = (await api('POST', way.path, { body: way.body, keepalive: true })) as LoginAnswer;
      // Another person may have logged in in another tab.
      if (left !== this.#logouts || (this.#user?.id ?? answer.user.id) !== answer.user.id) return false;
      this.#take(answer);
      return true;
    } catch (error) {
      if (error instanceof ApiError && (error.code === 'TOKEN_EXPIRED' || error.code === 'MISSING_TOKEN')) return false;
      throw error;
    }
  }

  #take({ token, refresh, user }: LoginAnswer): LoggedIn {
    this.#options.onSecret?.(refresh);
    this.#token = token;
    this.#user = user;
    this.#last = user;
    return user;
  }

  /**
   * Runs one task at a time over all tabs, so that the others use its result. Frames in other sites
   * may have no locks. They run the task at once. So does a tab that waited too long for the lock: the
   * hub gives two tabs that renew at once the same secret (A4).
   */
  async #exclusively<Result>(task: () => Promise<Result>): Promise<Result> {
    const { locks, lock } = this.#options;
    let begun = false;
    const begin = () => {
      begun = true;
      return task();
    };
    try {
      if (locks === undefined) return await begin();
      return (await withDeadline(LOCK_MS, (signal) => locks.request(lock, { signal }, begin))) as Result;
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
 * Whether this browser has a login of the hub (A4). Scripts cannot read its secret. A second cookie
 * says that it exists, so a page need not ask the hub.
 *
 * @param cookies `document.cookie`
 * @param suffix Ends the names of this hub's cookies: `cookieSuffix()`
 */
export function hasLogin(cookies: string, hint: 'parley_in' | 'parley_agent_in' | 'parley_customer_in', suffix = ''): boolean {
  return cookies.split(/; ?/).includes(`${hint}${suffix}=1`);
}

/**
 * The end of this hub's cookie names. The hub writes it into the page, because several hubs may
 * share a host name.
 */
export function cookieSuffix(page: Pick<Document, 'documentElement'> = document): string {
  return page.documentElement.dataset['cookies'] ?? '';
}
