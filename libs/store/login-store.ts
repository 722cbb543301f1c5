/** The port to logins: codes, refresh secrets, and answers to requests with an idempotency key. */

/** A family of refresh tokens: one login. Its id is the `login` claim of its tokens. */
export interface FamilyRecord {
  /** A UUID. */
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  readonly kind: string;
  readonly expiresAt: number;
  /** Of a guest or customer: the hash of the id in their browser's cookie (A17). */
  readonly browser?: string | undefined;
}

/** An earlier refresh secret that is still accepted. */
export interface EarlierSecret {
  readonly hash: string;
  readonly generation: number;
  /** The end of its acceptance. Null: it is accepted until the present secret is used. */
  readonly until: number | null;
}

/**
 * The refresh secrets of a login: one present secret, and earlier ones. Generations count up from
 * 0.
 */
export interface LoginSecrets {
  /** The id of the family. */
  readonly id: string;
  readonly generation: number;
  /** The hash of the present secret. */
  readonly hash: string;
  /** The newest first. */
  readonly earlier: readonly EarlierSecret[];
}

/** A login that is neither expired nor revoked. */
export interface ActiveLogin {
  readonly family: FamilyRecord;
  readonly secrets: LoginSecrets;
}

/** Logins: tickets before them, and their refresh secrets. */
export interface LoginStore {
  /** Stores a registration ticket for a verified address. */
  putTicket(hash: string, mail: string, expiresAt: number): Promise<void>;
  /** The address of a valid ticket. Does not use it up. */
  ticket(hash: string, now: number): Promise<string | undefined>;
  /** Uses up a ticket. False if it is not valid any more. */
  dropTicket(hash: string): Promise<boolean>;
  /** Begins a login. Its present secret has generation 0. */
  openFamily(family: FamilyRecord, secretHash: string): Promise<void>;
  /** Whether this hub made the login, valid or not. An expired login may be forgotten. */
  knowsLogin(familyId: string): Promise<boolean>;
  /** Undefined if there is none, or if it is expired or revoked. */
  activeLogin(familyId: string, now: number): Promise<ActiveLogin | undefined>;
  /**
   * Replaces the secrets `before` by `after`. False if the login is not valid any more, or if its
   * secrets are not `before` any more: of several concurrent calls, on any nodes, one succeeds.
   */
  replaceSecrets(before: LoginSecrets, after: Omit<LoginSecrets, 'id'>, now: number): Promise<boolean>;
  /**
   * Ends the family. Returns the kind of its user, also if it was ended before; undefined if there
   * is none.
   */
  revokeFamily(familyId: string): Promise<string | undefined>;
  revokeFamiliesOf(userId: string): Promise<void>;
}

/** A code that is mailed. No member is the code, the attempt or an address in the clear. */
export interface NewCode {
  /** The hash of the attempt, an id that the asking browser gets. */
  readonly attempt: string;
  /** The account, the same for all spellings. */
  readonly account: string;
  /** A keyed hash of the asker: a browser that the account knows, or an address. */
  readonly asker: string;
  readonly hash: string;
  readonly expiresAt: number;
}

/** A code that somebody types. */
export interface CodeTry {
  readonly account: string;
  readonly attempt: string | undefined;
  /**
   * If no valid code of the account has this attempt: whether the newest code that one of `askers`
   * asked for counts.
   */
  readonly orNewest: boolean;
  readonly askers: readonly string[];
  /** The code's hash with each key that is valid. One of them has to match. */
  readonly hashes: readonly string[];
  /** The id of a browser that the account knows. */
  readonly device: string | undefined;
  readonly now: number;
}

/**
 * Login codes, and the limits of tries. An account has 20 wrong tries in 10 minutes, over all its
 * codes. Then only a browser that the account knows can go on, with 10 wrong tries of its own in 10
 * minutes. All nodes count together.
 */
export interface CodeStore {
  /** Stores a code. An account keeps the newest five of each asker. */
  put(code: NewCode): Promise<void>;
  /**
   * Uses up a code, atomically.
   * - `ok`: at most once for each code, however many try at once.
   * - `wrong`: the code is wrong. Also if there is none, or if it is expired: such a try is not
   *   counted.
   * - `spent`: this was the fifth wrong try, or the code is burnt already. Such a further try is not
   *   counted.
   * - A number: the tries are used up for this many milliseconds, and the code was not compared.
   *
   * Five wrong tries that name its attempt burn a code for tries that name it; five that do not
   * name it burn it for the others.
   */
  redeem(tried: CodeTry): Promise<'ok' | 'wrong' | 'spent' | number>;
  /**
   * Counts a try before its outcome is known, for other secrets than codes. A number: the tries are
   * used up for this many milliseconds.
   */
  beginTry(account: string, device: string | undefined, now: number): Promise<{ readonly payer: string } | number>;
  /** Takes back a counted try that was right. */
  forgiveTry(begun: { readonly payer: string }): Promise<void>;
}

/** A claim to answer a request with an idempotency key. */
export interface Claim {
  /** A keyed hash of the user, the route and the key. */
  readonly scope: string;
  /** A keyed hash of the request. */
  readonly requestHash: string;
  /** The id of this claim. */
  readonly id: string;
  readonly now: number;
  readonly expiresAt: number;
}

/** The answer to a request with this key. `answer` is undefined while the request is under way. */
export interface KeptAnswer {
  readonly requestHash: string;
  readonly answer: string | undefined;
}

/** Answers to requests with an idempotency key (A15). */
export interface AnswerStore {
  /**
   * Claims a key.
   * - `expiresAt`: the claim is taken, and no other process answers. Renew it, and end it by
   *   `keep`, `release` or `drop`. Of several calls at once, one gets it.
   * - `KeptAnswer`: another claim has the key.
   * - Undefined: the other claim was dropped at this moment.
   *
   * A claim without an answer passes on, and keeps its first `expiresAt`: to any request after
   * `release`; to the same request if the claim was not renewed for 30 s of the store's clock,
   * because its process is dead.
   */
  claim(claim: Claim): Promise<Pick<Claim, 'expiresAt'> | KeptAnswer | undefined>;
  keep(claim: Pick<Claim, 'scope' | 'id'>, answer: string): Promise<void>;
  /**
   * Keeps the claim while the request is under way. Does nothing if the claim has ended, or if
   * another process has it.
   */
  renew(claim: Pick<Claim, 'scope' | 'id'>): Promise<void>;
  /** Frees the key after a failure that may have made something: the same request finds it. */
  release(claim: Pick<Claim, 'scope' | 'id'>): Promise<void>;
  /** Forgets the key: nothing was made. */
  drop(claim: Pick<Claim, 'scope' | 'id'>): Promise<void>;
}
