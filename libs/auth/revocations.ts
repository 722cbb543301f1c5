import { createHash } from 'node:crypto';
import { HubError } from '#libs/protocol/errors.ts';
import type { Credentials } from './credentials.ts';

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
