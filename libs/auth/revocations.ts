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

/**
 * The whole check of H3 for gateway and API: the token is valid and not revoked, and its user is
 * not banned.
 */
export class TokenGate {
  readonly #options: TokenGateOptions;

  constructor(options: TokenGateOptions) {
    this.#options = options;
  }

  /**
   * The bearer's credentials: at once if a key of ours signed the token, a promise if a key set
   * decides. Throws, or rejects with, the errors of `TokenVerifier.verify`; `TOKEN_EXPIRED` if the
   * token is revoked or the user banned; `UNAVAILABLE` until the log of revocations was read.
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

/** The source of the log of revocations. `RevocationStore` of libs/store is one. */
export interface RevocationSource {
  /**
   * The entries committed since the read that returned this mark, in any order. Without a mark, all
   * entries that still hold.
   */
  since(mark: string | undefined, now: number): Promise<{ readonly entries: readonly Revocation[]; readonly mark: string }>;
}

export interface RevocationFeedOptions {
  readonly source: RevocationSource;
  readonly revocations: Revocations;
  /**
   * Called once for each entry that is added after the start and still holds: closes its
   * connections.
   */
  readonly onRevocation?: (revocation: Revocation) => void;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly log: Logger;
  /** Milliseconds between two reads. Default 1,000: every node knows an entry within 2 s. */
  readonly everyMs?: number;
}

/**
 * Milliseconds for which the numbers of reported entries are kept. After a fail-over the database
 * returns entries again; such a read goes back far less.
 */
const REPEATS_MS = 300_000;
const EVERY_MS = 1000;

/**
 * Keeps `Revocations` up to date with the log of revocations. While the log cannot be read, known
 * entries hold. The next read that succeeds returns the missed ones.
 */
export class RevocationFeed {
  readonly #options: RevocationFeedOptions;
  readonly #poll: Poll;
  /** The numbers of reported entries, and when they were reported. */
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

  /** Whether the log was read once. Before that, nobody may enter. */
  get ready(): boolean {
    return this.#mark !== undefined;
  }

  /** Starts. Resolves after the first read, also if it failed: the feed retries. */
  start(): Promise<void> {
    return this.refresh();
  }

  /**
   * Reads now instead of at the next turn: for a caller that has just added an entry. Never
   * rejects.
   */
  refresh(): Promise<void> {
    return this.#poll.refresh();
  }

  /** Stops. Known entries stay. */
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

  /** Returns true for a number that is new. */
  #take(seq: number, now: number): boolean {
    if (this.#told.has(seq)) return false;
    this.#told.set(seq, now);
    return true;
  }
}

/** An entry of the log of revocations, which `libs/store` keeps. */
export interface Revocation {
  /** Higher for newer ones. */
  readonly seq: number;
  readonly kind: 'login' | 'token' | 'user' | 'ban' | 'unban' | 'disconnect';
  /** The login, the token's hash, or the user id. */
  readonly subject: string;
  readonly reason: string;
  /** Unix milliseconds. */
  readonly at: number;
  /** The entry holds until then, Unix milliseconds. */
  readonly until: number;
}

/** The name of a token in a `token` revocation: SHA-256, base64url. */
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
 * Milliseconds for which a lifted ban is kept. An older entry may arrive after the newer one, but
 * not that late. A node starts from a log without lifted bans.
 */
const LIFTED_MS = 300_000;

/**
 * The revoked tokens and banned users that this node knows of. Answers in constant time and drops
 * entries that are over. Entries may be applied in any order and more than once.
 */
export class Revocations {
  readonly #logins = new Map<string, Standing>();
  readonly #tokens = new Map<string, Standing>();
  readonly #users = new Map<string, Standing>();
  /**
   * Banned users, and for some minutes those whose ban was lifted (`lifted`). The newest entry
   * counts.
   */
  readonly #bans = new Map<string, Standing & { readonly lifted: boolean }>();
  #sweptAt = Number.NEGATIVE_INFINITY;

  /** The number of entries kept. */
  get size(): number {
    return this.#logins.size + this.#tokens.size + this.#users.size + this.#bans.size;
  }

  /** Adds an entry. `now`: Unix milliseconds. */
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
        // It closes open connections. Tokens stay valid.
        break;
      default:
        kind satisfies never;
    }
  }

  /**
   * Throws `HubError` `TOKEN_EXPIRED` if the token is revoked or its user is banned. One code for
   * both on purpose (H4): only the cause has the reason, for the log. A token without `iat` counts
   * as older than every `user` entry.
   */
  check(credentials: Credentials, token: string, now: number): void {
    const { userId, login, issuedAt } = credentials;
    if (login !== undefined && stands(this.#logins.get(login), now)) refuse('the login was ended');
    const everything = this.#users.get(userId);
    if (stands(everything, now) && (issuedAt === undefined || issuedAt * 1000 <= everything.at)) refuse('the user’s tokens were revoked');
    if (this.isBanned(userId, now)) refuse('the user is banned');
    // The hash costs a hundred times as much as all other checks.
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
