/**
 * The tokens and users that are revoked or banned: the check for each token, and the feed that
 * keeps every node up to date.
 */
import { createHash } from 'node:crypto';
import { Poll } from '#libs/process/poll.ts';
import { type Ban, HubError } from '#libs/protocol/errors.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import type { Credentials } from './credentials.ts';
import type { TokenVerifier } from './token-verifier.ts';

/** The parts of a `TokenGate`. */
export interface TokenGateOptions {
  readonly verifier: TokenVerifier;
  readonly revocations: Revocations;
  readonly feed: Pick<RevocationFeed, 'ready'>;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/**
 * The whole check of a token for gateway and API (H3): the token is valid and not revoked, and its
 * user is not banned.
 */
export class TokenGate {
  readonly #options: TokenGateOptions;

  constructor(options: TokenGateOptions) {
    this.#options = options;
  }

  /**
   * Resolves to the credentials of a token. Rejects as `TokenVerifier.verify`, and with `HubError`
   * `TOKEN_EXPIRED` if the token is revoked, `BANNED` if its user is banned, `UNAVAILABLE` until the
   * log of revocations was read once.
   */
  async verify(token: string): Promise<Credentials> {
    const { verifier, now } = this.#options;
    return this.#passed(await verifier.verify(token, now()), token);
  }

  /**
   * Checks a token without I/O: returns undefined if a key set has to decide. Throws the errors of
   * `verify`.
   */
  verifyLocal(token: string): Credentials | undefined {
    const { verifier, now } = this.#options;
    const credentials = verifier.verifyLocal(token, now());
    return credentials === undefined ? undefined : this.#passed(credentials, token);
  }

  /**
   * Checks that no ban holds for these subjects: users, or browsers (`browserSubject`).
   *
   * @throws HubError `BANNED`, `UNAVAILABLE` until the log of revocations was read once.
   */
  assertNotBanned(...subjects: readonly string[]): void {
    this.#assertReady();
    const { revocations, now } = this.#options;
    for (const subject of subjects) revocations.assertNotBanned(subject, now());
  }

  #passed(credentials: Credentials, token: string): Credentials {
    this.#assertReady();
    const { revocations, now } = this.#options;
    revocations.check(credentials, token, now());
    return credentials;
  }

  #assertReady(): void {
    if (!this.#options.feed.ready)
      throw new HubError('UNAVAILABLE', 'The hub has not read the revoked tokens yet: try again.', { retryAfter: 1 });
  }
}

/** Reads the log of revocations. `RevocationStore` of libs/store implements it. */
export interface RevocationSource {
  /**
   * Returns the entries committed since the read that returned this mark, in any order. Without a
   * mark, returns all entries that still hold.
   */
  since(mark: string | undefined, now: number): Promise<{ readonly entries: readonly Revocation[]; readonly mark: string }>;
}

/** Source, target and pace of a `RevocationFeed`. */
export interface RevocationFeedOptions {
  readonly source: RevocationSource;
  readonly revocations: Revocations;
  /**
   * Called once for each entry, except those of the first read: also for one that ended before this
   * node read it, because connections may be open that it should have closed.
   */
  readonly onRevocation?: (revocation: Revocation) => void;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly log: Logger;
  /**
   * Milliseconds between two reads. Default 1,000, so that every node applies an entry within 2 s.
   */
  readonly everyMs?: number;
}

/**
 * Milliseconds for which the numbers of applied entries are kept. After a fail-over the database
 * may return entries again, but only those of a far shorter time.
 */
const REPEATS_MS = 300_000;
const EVERY_MS = 1000;

/**
 * Keeps `Revocations` up to date with the log of revocations. If the log cannot be read, known
 * entries stay in force, and the next successful read returns the missed ones.
 */
export class RevocationFeed {
  readonly #options: RevocationFeedOptions;
  readonly #poll: Poll;
  /** The numbers of applied entries, with the time (Unix milliseconds), oldest first. */
  readonly #applied = new Map<number, number>();
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

  /** True once the log was read. Until then nobody may enter. */
  get ready(): boolean {
    return this.#mark !== undefined;
  }

  /** Seconds since the begin of the last successful read; undefined before the first. */
  get lag(): number | undefined {
    return this.#poll.lag;
  }

  /** Starts the feed. Resolves after the first read, even if that read failed: the feed retries. */
  start(): Promise<void> {
    return this.refresh();
  }

  /**
   * Reads now, or waits for the read under way. For a caller that has just added an entry. Never
   * rejects.
   */
  refresh(): Promise<void> {
    return this.#poll.refresh();
  }

  /** Stops the feed. Known entries stay in force. */
  stop(): Promise<void> {
    return this.#poll.stop();
  }

  async #look(): Promise<void> {
    const { source, now, revocations, onRevocation } = this.#options;
    const { entries, mark } = await source.since(this.#mark, now());
    const isFirst = this.#mark === undefined;
    const at = now();
    for (const revocation of entries) {
      if (!this.#take(revocation.seq, at)) continue;
      revocations.apply(revocation, at);
      if (!isFirst) onRevocation?.(revocation);
    }
    this.#mark = mark;
    for (const [seq, appliedAt] of this.#applied) {
      if (appliedAt > at - REPEATS_MS) break;
      this.#applied.delete(seq);
    }
  }

  /** Records the number of an entry. Returns true if it is new. */
  #take(seq: number, now: number): boolean {
    if (this.#applied.has(seq)) return false;
    this.#applied.set(seq, now);
    return true;
  }
}

/** An entry of the log of revocations. `RevocationStore` of libs/store documents the kinds. */
export interface Revocation {
  /** A newer entry has a higher number. */
  readonly seq: number;
  readonly kind: 'login' | 'token' | 'user' | 'ban' | 'unban' | 'disconnect';
  /** The id of the login, the hash of the token (`tokenHash`), or the user id. */
  readonly subject: string;
  /** Shown to the user of a closed connection for `ban` and `disconnect`; may be empty. */
  readonly reason: string;
  /** Unix milliseconds. */
  readonly at: number;
  /** The end of the entry, Unix milliseconds. */
  readonly until: number;
  /** Of a ban: further users and browsers for which it holds. */
  readonly covers?: readonly string[];
}

/** Returns the name of a token in a `token` revocation: its SHA-256 in base64url. */
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
 * Milliseconds for which a lifted ban is kept. The older `ban` entry may arrive after its `unban`,
 * but not later than this. The first read of a node returns neither of the two.
 */
const LIFTED_MS = 300_000;

/**
 * The revoked tokens and banned users that this node knows. Checks take constant time. Entries may
 * be applied in any order and more than once; ended ones are dropped by `apply`, at most once a
 * minute.
 */
export class Revocations {
  readonly #logins = new Map<string, Standing>();
  readonly #tokens = new Map<string, Standing>();
  readonly #users = new Map<string, Standing>();
  /**
   * Banned users, and for five minutes those whose ban was lifted (`lifted`). The newest entry of a
   * user counts.
   */
  readonly #bans = new Map<string, Standing & { readonly lifted: boolean; readonly reason: string }>();
  /** By user or browser: the banned users whose bans cover it. */
  readonly #covered = new Map<string, Set<string>>();
  #sweptAt = Number.NEGATIVE_INFINITY;

  /** The number of stored entries, ended ones that are not dropped yet included. */
  get size(): number {
    return this.#logins.size + this.#tokens.size + this.#users.size + this.#bans.size + this.#covered.size;
  }

  /** Adds an entry. Ignores it if it has ended at `now` (Unix milliseconds). */
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
        for (const covered of revocation.covers ?? []) this.#covered.set(covered, (this.#covered.get(covered) ?? new Set()).add(subject));
        break;
      case 'unban':
        remember(this.#bans, subject, { ...revocation, lifted: true, until: Math.min(revocation.until, now + LIFTED_MS) });
        break;
      case 'disconnect':
        // A disconnect closes open connections. Tokens stay valid.
        break;
      default:
        kind satisfies never;
    }
  }

  /**
   * Throws `HubError` `TOKEN_EXPIRED` if the token is revoked at `now` (Unix milliseconds), and
   * `BANNED` if it is not and its user is banned. Only the cause says why a token is revoked, for
   * the log (H4). A token without `iat` counts as older than every `user` entry.
   */
  check(credentials: Credentials, token: string, now: number): void {
    const { userId, login, issuedAt } = credentials;
    if (login !== undefined && stands(this.#logins.get(login), now)) refuse('the login was ended');
    const everything = this.#users.get(userId);
    if (stands(everything, now) && (issuedAt === undefined || issuedAt * 1000 <= everything.at)) refuse('the user’s tokens were revoked');
    // The hash costs a hundred times as much as all other checks together.
    if (this.#tokens.size > 0 && stands(this.#tokens.get(tokenHash(token)), now)) refuse('the token was revoked');
    // Last, so that only the holder of a good token learns of the ban.
    this.assertNotBanned(userId, now);
  }

  /** Throws `HubError` `BANNED` if a ban holds for the user or browser at `now` (Unix milliseconds). */
  assertNotBanned(subject: string, now: number): void {
    const ban = this.banOf(subject, now);
    if (ban !== undefined) throw new HubError('BANNED', undefined, { ban });
  }

  /**
   * Returns the ban that holds for the user or browser at `now` (Unix milliseconds): its own, or
   * the one that covers it and ends last.
   */
  banOf(subject: string, now: number): Ban | undefined {
    const own = this.#bans.get(subject);
    if (stands(own, now) && !own.lifted) return { until: own.until, reason: own.reason };
    let last: Ban | undefined;
    for (const user of this.#covered.get(subject) ?? []) {
      const ban = this.#bans.get(user);
      if (stands(ban, now) && !ban.lifted && ban.until > (last?.until ?? 0)) last = { until: ban.until, reason: ban.reason };
    }
    return last;
  }

  #sweep(now: number): void {
    this.#sweptAt = now;
    for (const entries of [this.#logins, this.#tokens, this.#users, this.#bans]) {
      for (const [subject, { until }] of entries) if (until <= now) entries.delete(subject);
    }
    for (const [subject, users] of this.#covered) {
      for (const user of users) if (this.#bans.get(user)?.lifted !== false) users.delete(user);
      if (users.size === 0) this.#covered.delete(subject);
    }
  }
}

function stands<T extends Standing>(entry: T | undefined, now: number): entry is T {
  return entry !== undefined && entry.until > now;
}

/** Stores an entry unless a newer one of the same subject is stored. */
function remember<T extends Standing>(entries: Map<string, T>, subject: string, entry: T): void {
  const known = entries.get(subject);
  if (known === undefined || known.seq <= entry.seq) entries.set(subject, entry);
}

function refuse(reason: string): never {
  throw new HubError('TOKEN_EXPIRED', undefined, { cause: new TypeError(reason) });
}
