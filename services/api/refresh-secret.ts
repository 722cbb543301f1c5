/** Refresh secrets of a login: how the next one is made, and what one that is presented is worth. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { EarlierSecret, LoginSecrets } from '#libs/store/login-store.ts';

const SECRET_BYTES = 32;
/** How long a secret is still answered after the next one was used, milliseconds. */
const LATE_MS = 30_000;
/** Earlier secrets that are kept at most. */
const EARLIER_MAX = 16;

/**
 * A login's id, a dot, and 43 characters of base64url: 32 bits of the generation (6 characters), and 222 bits of a MAC over login and generation. Secrets of
 * earlier versions have 43 random ones: each works once more, and is replaced by one of this form.
 */
const SHAPE = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([\w-]{6})[\w-]{37}$/;
const MAC_LENGTH = 37;

/** Longest refresh secret, characters. */
export const REFRESH_MAX = 80;

/** 32 random bytes, base64url. */
export function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

/** What the store keeps instead of a secret: SHA-256, base64url. Enough for 256 bits that nobody can guess. */
export function secretHash(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

/** The login a refresh secret names; undefined if it has not the form of one. */
export function loginOf(secret: string): string | undefined {
  return SHAPE.exec(secret)?.[1];
}

/** The secret of a generation: every process that has the key makes the same one. */
export function secretOf(key: Uint8Array, login: string, generation: number): string {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(generation);
  const mac = createHmac('sha256', key).update(`${login}\0`).update(number).digest('base64url').slice(0, MAC_LENGTH);
  return `${login}.${number.toString('base64url')}${mac}`;
}

/**
 * What a presented secret is worth.
 *
 * - `present`: the newest one. Using it makes the next.
 * - `before`: the present one was made for it, and was not used yet: its holder did not get the answer, or is another tab of the same browser.
 * - `late`: its next one was used, less than 30 s ago. It is answered with that next one.
 * - `replayed`: genuine, and out of use: somebody has a copy.
 * - `unknown`: anything else, made up by whoever knows the login's id, for example.
 *
 * Example: 3 is present and unused. 3 is `present`, 2 is `before`, 1 is `late` for 30 s after 2 was used, then `replayed`, as 0 is.
 */
export type Standing =
  | { readonly is: 'present' | 'before' | 'replayed' | 'unknown' }
  | { readonly is: 'late'; readonly generation: number };

export function standingOf(key: Uint8Array, secret: string, login: LoginSecrets, now: number): Standing {
  const hash = secretHash(secret);
  if (isSame(hash, login.hash)) return { is: 'present' };
  const earlier = login.earlier.find((one) => isSame(hash, one.hash) && (one.until === null || one.until > now));
  if (earlier?.until === null) return { is: 'before' };
  if (earlier !== undefined) return { is: 'late', generation: earlier.generation };
  const generation = Buffer.from(SHAPE.exec(secret)?.[2] ?? '', 'base64url').readUInt32BE();
  return { is: generation < login.generation && isSame(secret, secretOf(key, login.id, generation)) ? 'replayed' : 'unknown' };
}

/** The login after its present secret was used: the one of the next generation is present. */
export function afterUse(key: Uint8Array, { id, generation, hash, earlier }: LoginSecrets, now: number): Next {
  const before = earlier.map((one) => (one.until === null ? { ...one, until: now + LATE_MS } : one));
  return next(key, id, generation + 1, [{ hash, generation, until: null }, ...before.filter(({ until }) => until === null || until > now)]);
}

/**
 * The login with another present secret in place of one that this process cannot make again, because it was made with another key. Whoever has that one is
 * answered as whoever has the one before it.
 */
export function afterKeyChange(key: Uint8Array, { id, generation, hash, earlier }: LoginSecrets): Next {
  return next(key, id, generation + 1, [{ hash, generation, until: null }, ...earlier]);
}

/** The present secret; undefined if it was made with another key. */
export function presentSecret(key: Uint8Array, { id, generation, hash }: LoginSecrets): string | undefined {
  const secret = secretOf(key, id, generation);
  return isSame(secretHash(secret), hash) ? secret : undefined;
}

/** The secret a `late` one is answered with: that of the generation after it; undefined if it was made with another key. */
export function secretAfter(key: Uint8Array, login: LoginSecrets, generation: number): string | undefined {
  const secret = secretOf(key, login.id, generation + 1);
  const hash = secretHash(secret);
  return login.earlier.some((one) => isSame(hash, one.hash)) ? secret : undefined;
}

/** A login's secrets from now on, and the one that is present then. */
export interface Next {
  readonly secret: string;
  readonly secrets: Omit<LoginSecrets, 'id'>;
}

function next(key: Uint8Array, id: string, generation: number, earlier: readonly EarlierSecret[]): Next {
  const secret = secretOf(key, id, generation);
  return { secret, secrets: { generation, hash: secretHash(secret), earlier: earlier.slice(0, EARLIER_MAX) } };
}

/** In constant time, for texts of one length. */
function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
