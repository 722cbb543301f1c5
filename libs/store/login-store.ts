/** The port to logins: codes, refresh secrets, and answers to requests with an idempotency key. */

/** A refresh-token family: one login. Its id is the `login` claim of the tokens made from it. */
export interface FamilyRecord {
  /** A UUID. */
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  readonly kind: string;
  readonly expiresAt: number;
}

/** A refresh secret before the present one that is still answered. */
export interface EarlierSecret {
  readonly hash: string;
  readonly generation: number;
  /** Until when; null: for as long as the present one is not used. */
  readonly until: number | null;
}

/** The refresh secrets of a login. Generations count up from 0; a login has one present secret. */
export interface LoginSecrets {
  /** The family's. */
  readonly id: string;
  readonly generation: number;
  /** Of the present secret. */
  readonly hash: string;
  /** The newest first. */
  readonly earlier: readonly EarlierSecret[];
}

/** A login that goes on. */
export interface LivingLogin {
  readonly family: FamilyRecord;
  readonly secrets: LoginSecrets;
}

export interface LoginStore {
  /** A registration ticket for a verified address. */
  putTicket(hash: string, mail: string, expiresAt: number): Promise<void>;
  /** The address of a ticket that is still good; not used up. */
  ticket(hash: string, now: number): Promise<string | undefined>;
  /** Uses up a ticket. False if it is not good any more. */
  dropTicket(hash: string): Promise<boolean>;
  /** Begins a login: its present secret is that of generation 0. */
  openFamily(family: FamilyRecord, secretHash: string): Promise<void>;
  /** Whether there was such a login here, living or not; one that expired may be forgotten. */
  knowsLogin(familyId: string): Promise<boolean>;
  /** Undefined if there is none, or it is expired or revoked. */
  livingLogin(familyId: string, now: number): Promise<LivingLogin | undefined>;
  /**
   * Puts `after` in place of `before`, the secrets as they were read. False if the login is not living any more, or somebody else changed them meanwhile: of
   * several at once, on any nodes, one succeeds.
   */
  replaceSecrets(before: LoginSecrets, after: Omit<LoginSecrets, 'id'>, now: number): Promise<boolean>;
  /** Ends the family, whether it was before or not. The kind of person it was for; undefined if there is none. */
  revokeFamily(familyId: string): Promise<string | undefined>;
  revokeFamiliesOf(userId: string): Promise<void>;
}

/** A code that is mailed. Nothing here is the code, the attempt or an address itself. */
export interface NewCode {
  /** The hash of the attempt: what the browser that asked is given. */
  readonly attempt: string;
  /** The account, one for all its spellings. */
  readonly account: string;
  /** A keyed hash of who asks: a browser the account knows, or an address. */
  readonly asker: string;
  readonly hash: string;
  readonly expiresAt: number;
}

/** A code that somebody types. */
export interface CodeTry {
  readonly account: string;
  readonly attempt: string | undefined;
  /** Where no living code of the account is this attempt's: whether the newest one that one of `askers` asked for is meant. */
  readonly orNewest: boolean;
  readonly askers: readonly string[];
  readonly hash: string;
  /** The id of a browser that the account knows. */
  readonly device: string | undefined;
  readonly now: number;
}

/**
 * Login codes, and who may still try. Wrong tries are counted for the account, over all its codes: 20 in 10 minutes. Then only a browser that the account knows
 * goes on, with 10 of its own in 10 minutes. All nodes count together.
 */
export interface CodeStore {
  /** Keeps a code. Of one account and asker the newest five live side by side. */
  put(code: NewCode): Promise<void>;
  /**
   * Uses up a code, atomically: `ok` at most once for each code, however many try at once. `wrong` also if there is none, or it is expired or burnt: that counts
   * nowhere. A number: nothing was looked at, for the tries are used up for so many milliseconds. A code is burnt by five wrong tries that name its attempt for
   * those that do, and by five that do not for those that do not.
   */
  redeem(tried: CodeTry): Promise<'ok' | 'wrong' | number>;
  /** Counts a try whose outcome is not known yet, of anything else that people log in with; a number: the tries are used up for so many milliseconds. */
  beginTry(account: string, device: string | undefined, now: number): Promise<{ readonly payer: string } | number>;
  /** It was a right one: it is not counted. */
  forgiveTry(begun: { readonly payer: string }): Promise<void>;
}

/** A request with an idempotency key, about to be answered. */
export interface Claim {
  /** A keyed hash of who asks, of the route and the key. */
  readonly scope: string;
  /** A keyed hash of what is asked. */
  readonly requestHash: string;
  /** Of this claim. */
  readonly id: string;
  readonly now: number;
  readonly expiresAt: number;
}

/** What a request with this key was answered; `answer` undefined: it is under way. */
export interface KeptAnswer {
  readonly requestHash: string;
  readonly answer: string | undefined;
}

/** Answers to requests with an idempotency key (A15). */
export interface AnswerStore {
  /**
   * `expiresAt`: nobody else answers it; the claim is to be renewed, and ended by `keep`, `release` or `drop`. Of several at once one gets it. A claim that was not
   * renewed for 30 s, by the store's clock, and has no answer is its process's that died: the same request gets it, and one that was released, with the `expiresAt` of the first. Undefined: it was dropped at this moment.
   */
  claim(claim: Claim): Promise<Pick<Claim, 'expiresAt'> | KeptAnswer | undefined>;
  keep(claim: Pick<Claim, 'scope' | 'id'>, answer: string): Promise<void>;
  /** The request is under way still. Changes nothing where the claim is ended, or another process's. */
  renew(claim: Pick<Claim, 'scope' | 'id'>): Promise<void>;
  /** The key is free; what may have been made is found by the same request. */
  release(claim: Pick<Claim, 'scope' | 'id'>): Promise<void>;
  /** Nothing was made: the key is as if it had never come. */
  drop(claim: Pick<Claim, 'scope' | 'id'>): Promise<void>;
}
