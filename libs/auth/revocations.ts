import { createHash } from 'node:crypto';
import { Poll } from '#libs/process/poll.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import type { Credentials } from './credentials.ts';
import type { TokenVerifier } from './token-verifier.ts';

export interface TokenGateOptions {
  readonly verifier: TokenVerifier;
  readonly revocations: Revocations;
  readonly feed: Pick<RevocationFeed, 'ready'>;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** The whole of H3: a good token, that was not revoked, of a user who is not banned. What a gateway and the API let people in by. */
export class TokenGate {
  readonly #options: TokenGateOptions;

  constructor(options: TokenGateOptions) {
    this.#options = options;
  }

  /**
   * The bearer's credentials: at once where a key of ours signed the token, promised where a key set decides. Throws, or rejects with, what
   * `TokenVerifier.verify` does; `TOKEN_EXPIRED` for revoked and banned; `UNAVAILABLE` while it is not known yet what was revoked.
   */
  verify(token: string): Credentials | Promise<Credentials> {
    const { verifier, now } = this.#options;
    const credentials = verifier.verify(token, now());
    return credentials instanceof Promise ? credentials.then((good) => this.#passed(good, token)) : this.#passed(credentials, token);
  }

  #passed(credentials: Credentials, token: string): Credentials {
    const { revocations, feed, now } = this.#options;
    if (!feed.ready) throw new HubError('UNAVAILABLE', 'It is not known yet which tokens were revoked.', { retryAfter: 1 });
    revocations.check(credentials, token, now());
    return credentials;
  }
}

/** Where the log of revocations is read; `RevocationStore` of libs/store is one. */
export interface RevocationSource {
  /** What was committed since the read that gave this mark, in whatever order it was added; without one, everything that still holds. */
  since(mark: string | undefined, now: number): Promise<{ readonly entries: readonly Revocation[]; readonly mark: string }>;
}

export interface RevocationFeedOptions {
  readonly source: RevocationSource;
  readonly revocations: Revocations;
  /** Told once of each entry that was added after the start and still holds: closes the connections it concerns. */
  readonly onRevocation?: (revocation: Revocation) => void;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly log: Logger;
  /** Milliseconds between two looks. Default 1,000: everybody knows within 2 s. */
  readonly everyMs?: number;
}

/** After a fail-over of the database entries come again: they are told apart for this long, milliseconds, far longer than such a read goes back. */
const REPEATS_MS = 300_000;
const EVERY_MS = 1000;

/**
 * Keeps `Revocations` up to date with the log of revocations. While the log cannot be read, what was known goes on to hold, and what was missed is made
 * good afterwards.
 */
export class RevocationFeed {
  readonly #options: RevocationFeedOptions;
  readonly #poll: Poll;
  /** Entries told of, by number, and when. */
  readonly #told = new Map<number, number>();
  #mark: string | undefined;

  constructor(options: RevocationFeedOptions) {
    this.#options = options;
    this.#poll = new Poll({
      work: () => this.#look(),
      everyMs: options.everyMs ?? EVERY_MS,
      log: options.log,
      failing: 'revocations cannot be read',
      working: 'revocations are read again',
    });
  }

  /** Whether the log was read once: before, nobody can be let in. */
  get ready(): boolean {
    return this.#mark !== undefined;
  }

  /** Begins. Resolves when the log was read for the first time, or tried to: it goes on trying. */
  start(): Promise<void> {
    return this.refresh();
  }

  /** Looks now rather than at the next turn: for who has just added an entry. Never rejects. */
  refresh(): Promise<void> {
    return this.#poll.refresh();
  }

  /** Ends. What is known stays. */
  stop(): Promise<void> {
    return this.#poll.stop();
  }

  async #look(): Promise<void> {
    const { source, now, revocations, onRevocation } = this.#options;
    const { entries, mark } = await source.since(this.#mark, now());
    const isFirst = this.#mark === undefined;
    const at = now();
    for (const revocation of entries) {
      if (!this.#take(revocation.seq, at) || revocation.until <= at) continue;
      revocations.apply(revocation, at);
      if (!isFirst) onRevocation?.(revocation);
    }
    this.#mark = mark;
    for (const [seq, toldAt] of this.#told) {
      if (toldAt > at - REPEATS_MS) break;
      this.#told.delete(seq);
    }
  }

  /** True the first time. */
  #take(seq: number, now: number): boolean {
    if (this.#told.has(seq)) return false;
    this.#told.set(seq, now);
    return true;
  }
}

/** An entry of the log of what takes a token's power away; `libs/store` keeps it. */
export interface Revocation {
  /** Higher for newer ones. */
  readonly seq: number;
  readonly kind: 'login' | 'token' | 'user' | 'ban' | 'unban' | 'disconnect';
  /** The login, the token's hash, or the user id. */
  readonly subject: string;
  readonly reason: string;
  /** Unix milliseconds. */
  readonly at: number;
  /** Of no interest afterwards, Unix milliseconds. */
  readonly until: number;
}

/** How a `token` revocation names a token: SHA-256, base64url. */
export function tokenHash(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}

interface Standing {
  readonly seq: number;
  readonly at: number;
  readonly until: number;
}

const SWEEP_MS = 60_000;
/**
 * A ban that is lifted is remembered as such for this long, milliseconds: an older entry may come after the newer one, but not that late. A lifted ban does
 * not stand in the log that a node begins with.
 */
const LIFTED_MS = 300_000;

/**
 * Which tokens lost their power, as far as this node was told. Answers at once, in constant time; what is over is forgotten.
 * Entries may be applied in any order and more than once.
 */
export class Revocations {
  readonly #logins = new Map<string, Standing>();
  readonly #tokens = new Map<string, Standing>();
  readonly #users = new Map<string, Standing>();
  /** Users banned, and for some minutes those who are not any more (`lifted`): the newest entry counts. */
  readonly #bans = new Map<string, Standing & { readonly lifted: boolean }>();
  #sweptAt = Number.NEGATIVE_INFINITY;

  /** Entries remembered. */
  get size(): number {
    return this.#logins.size + this.#tokens.size + this.#users.size + this.#bans.size;
  }

  /** Takes in an entry. `now` in Unix milliseconds. */
  apply(revocation: Revocation, now: number): void {
    if (now - this.#sweptAt >= SWEEP_MS) this.#sweep(now);
    if (revocation.until <= now) return;
    const { kind, subject } = revocation;
    switch (kind) {
      case 'login':
        remember(this.#logins, subject, revocation);
        break;
      case 'token':
        remember(this.#tokens, subject, revocation);
        break;
      case 'user':
        remember(this.#users, subject, revocation);
        break;
      case 'ban':
        remember(this.#bans, subject, { ...revocation, lifted: false });
        break;
      case 'unban':
        remember(this.#bans, subject, { ...revocation, lifted: true, until: Math.min(revocation.until, now + LIFTED_MS) });
        break;
      case 'disconnect':
        // Concerns open connections, no token.
        break;
      default:
        kind satisfies never;
    }
  }

  /**
   * Throws `HubError` `TOKEN_EXPIRED` for a token that was revoked or whose user is banned: one code on purpose (H4); the cause has the reason, for the
   * log. A token that does not say when it was made counts as older than every `user` entry.
   */
  check(credentials: Credentials, token: string, now: number): void {
    const { userId, login, issuedAt } = credentials;
    if (login !== undefined && stands(this.#logins.get(login), now)) refuse('the login was ended');
    const everything = this.#users.get(userId);
    if (stands(everything, now) && (issuedAt === undefined || issuedAt * 1000 <= everything.at)) refuse('the user’s tokens were revoked');
    if (this.isBanned(userId, now)) refuse('the user is banned');
    // The hash costs what all the rest does a hundred times.
    if (this.#tokens.size > 0 && stands(this.#tokens.get(tokenHash(token)), now)) refuse('the token was revoked');
  }

  isBanned(userId: string, now: number): boolean {
    const ban = this.#bans.get(userId);
    return stands(ban, now) && !ban.lifted;
  }

  #sweep(now: number): void {
    this.#sweptAt = now;
    for (const entries of [this.#logins, this.#tokens, this.#users, this.#bans]) {
      for (const [subject, { until }] of entries) if (until <= now) entries.delete(subject);
    }
  }
}

function stands<T extends Standing>(entry: T | undefined, now: number): entry is T {
  return entry !== undefined && entry.until > now;
}

/** The newest entry of a subject counts. */
function remember<T extends Standing>(entries: Map<string, T>, subject: string, entry: T): void {
  const known = entries.get(subject);
  if (known === undefined || known.seq <= entry.seq) entries.set(subject, entry);
}

function refuse(reason: string): never {
  throw new HubError('TOKEN_EXPIRED', undefined, { cause: new TypeError(reason) });
}
