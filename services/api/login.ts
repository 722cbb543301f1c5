/** A login: an access token, and the refresh secret that renews it (A4). */

import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Static, Type } from '@sinclair/typebox';
import { HubError } from '#libs/protocol/errors.ts';
import type { Person } from '#libs/protocol/frame-types.ts';
import type { ActiveLogin, EarlierSecret, FamilyRecord, LoginSecrets } from '#libs/store/login-store.ts';
import type { ApiParts } from './api-parts.ts';

const SECRET_BYTES = 32;
/** Milliseconds for which a secret still gets an answer after its successor was used. */
const LATE_MS = 30_000;
/** Earlier secrets that are stored, at most. */
const EARLIER_MAX = 16;

/**
 * The form of a refresh secret: the id of its login, a dot, and 43 characters of base64url. The
 * first 6 are the generation (32 bits), the other 37 are 222 bits of a MAC over login and
 * generation.
 *
 * Secrets of earlier versions have 43 random characters. Each works once more and is replaced by
 * one of this form.
 */
const SHAPE = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([\w-]{6})[\w-]{37}$/;
const MAC_LENGTH = 37;

/** Longest refresh secret accepted, characters. */
export const REFRESH_MAX = 80;

/** Returns 32 random bytes in base64url. */
export function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

/**
 * Returns the stored form of a secret: SHA-256 in base64url. A plain hash is enough, because nobody
 * can guess 222 bits or more.
 */
export function secretHash(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

/**
 * Returns the id of the login in a refresh secret; undefined if the text does not have the form of
 * one. Does not check the MAC.
 */
export function loginOf(secret: string): string | undefined {
  return SHAPE.exec(secret)?.[1];
}

/**
 * Returns the secret of a generation of a login. Every process with the key computes the same one.
 */
export function secretOf(key: Uint8Array, login: string, generation: number): string {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(generation);
  const mac = createHmac('sha256', key).update(`${login}\0`).update(number).digest('base64url').slice(0, MAC_LENGTH);
  return `${login}.${number.toString('base64url')}${mac}`;
}

/**
 * The state of a presented secret.
 *
 * - `present`: the newest one. Its use makes the next.
 * - `before`: the present one is its successor and was not used yet. Either the answer was lost,
 *   or another tab of the same browser asked.
 * - `late`: its successor was used less than 30 s ago. It gets that successor again.
 * - `replayed`: genuine and out of use. Somebody has a copy.
 * - `unknown`: anything else, for example a text made up by somebody who knows the id of the
 *   login.
 *
 * Example: secret 3 is present and unused. Then 3 is `present`, 2 is `before`, 1 is `late` until
 * 30 s after 2 was used, and 0 is `replayed`.
 */
export type Standing =
  | { readonly is: 'present' | 'before' | 'replayed' | 'unknown' }
  | { readonly is: 'late'; readonly generation: number };

function standingOf(key: Uint8Array, secret: string, login: LoginSecrets, now: number): Standing {
  const hash = secretHash(secret);
  if (isSame(hash, login.hash)) return { is: 'present' };
  const earlier = login.earlier.find((one) => isSame(hash, one.hash) && (one.until === null || one.until > now));
  if (earlier?.until === null) return { is: 'before' };
  if (earlier !== undefined) return { is: 'late', generation: earlier.generation };
  const generation = Buffer.from(SHAPE.exec(secret)?.[2] ?? '', 'base64url').readUInt32BE();
  return { is: generation < login.generation && isSame(secret, secretOf(key, login.id, generation)) ? 'replayed' : 'unknown' };
}

/**
 * Returns the secrets of a login after the present one was used. That of the next generation
 * becomes the present one.
 */
function afterUse(key: Uint8Array, { id, generation, hash, earlier }: LoginSecrets, now: number): Next {
  const before = earlier.map((one) => (one.until === null ? { ...one, until: now + LATE_MS } : one));
  return next(key, id, generation + 1, [{ hash, generation, until: null }, ...before.filter(({ until }) => until === null || until > now)]);
}

/**
 * Returns the secrets of a login whose present secret was derived with another key, so this process
 * cannot compute it. A new one takes its place. The holder of the old one gets the same answers as
 * the holder of the one before it.
 */
function afterKeyChange(key: Uint8Array, { id, generation, hash, earlier }: LoginSecrets): Next {
  return next(key, id, generation + 1, [{ hash, generation, until: null }, ...earlier]);
}

/** Returns the present secret; undefined if it was derived with another key. */
function presentSecret(key: Uint8Array, { id, generation, hash }: LoginSecrets): string | undefined {
  const secret = secretOf(key, id, generation);
  return isSame(secretHash(secret), hash) ? secret : undefined;
}

/**
 * Returns the answer to a `late` secret: that of the generation after it. Undefined if it was
 * derived with another key.
 */
function secretAfter(key: Uint8Array, login: LoginSecrets, generation: number): string | undefined {
  const secret = secretOf(key, login.id, generation + 1);
  const hash = secretHash(secret);
  return login.earlier.some((one) => isSame(hash, one.hash)) ? secret : undefined;
}

/** The next secrets of a login, and the present one among them. */
export interface Next {
  readonly secret: string;
  readonly secrets: Omit<LoginSecrets, 'id'>;
}

function next(key: Uint8Array, id: string, generation: number, earlier: readonly EarlierSecret[]): Next {
  const secret = secretOf(key, id, generation);
  return { secret, secrets: { generation, hash: secretHash(secret), earlier: earlier.slice(0, EARLIER_MAX) } };
}

/** Compares in constant time if the texts have the same length. */
function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** The body of every login: `T` in SPEC.md (A4). */
export const LoginAnswer = Type.Object(
  {
    token: Type.String({ description: 'A JWT for the WebSocket and for `Authorization: Bearer`.' }),
    expiresAt: Type.Integer({ description: 'The expiry of the token, Unix seconds.' }),
    refresh: Type.String({
      description:
        'The refresh secret for the next token. Until the next secret is used, it gets the same one again. Also set as the cookie `parley_refresh` (agents: `parley_agent`, customers: `parley_customer`).',
    }),
    session: Type.String({ format: 'uuid', description: 'A fresh label for this tab.' }),
    user: Type.Object({ id: Type.String(), name: Type.String(), kind: Type.String() }, { title: 'LoginUser' }),
  },
  { title: 'Login', description: 'A login.' },
);

/** A login as the API sends it. */
export type LoginAnswer = Static<typeof LoginAnswer>;

/** A person of a kind for which the hub signs tokens. */
export type LoginUser = Person & { readonly kind: LoginKind };

/** The kinds for which the hub signs tokens. */
export type LoginKind = keyof typeof TOKEN_SECONDS;

/** Lifetimes of access tokens by kind, seconds. */
const TOKEN_SECONDS = { user: 900, guest: 86_400, customer: 86_400, agent: 28_800 } as const;
/**
 * Milliseconds for which a revocation of another issuer's tokens is kept. The hub does not know how
 * long such a token lives.
 */
export const FOREIGN_TOKEN_MS = 31 * 86_400_000;
/** Seconds that a revocation outlasts its tokens, because clocks differ. */
const SKEW_SECONDS = 60;
const DAY_MS = 86_400_000;
/** Tries to replace the secrets of a login while others replace them, too. */
const TRIES = 10;

type LoginParts = Pick<ApiParts, 'store' | 'now' | 'uuid' | 'sign' | 'refreshKey' | 'assertNotBanned'>;

/** A login that was started. */
interface OpenedLogin {
  readonly answer: LoginAnswer;
  /** The end of the refresh secret, Unix milliseconds. */
  readonly until: number;
  /** `FamilyRecord.browser`. */
  readonly browser: string | undefined;
}

/**
 * Starts a login: 30 days, of customers a year. Rejects with `HubError` `BANNED` if the person is
 * banned, `UNAVAILABLE`.
 *
 * @param browser Of a guest or customer: `keepBrowser`.
 */
export async function openLogin(parts: LoginParts, person: LoginUser, browser?: string): Promise<OpenedLogin> {
  const { store, now, uuid, refreshKey } = parts;
  parts.assertNotBanned(person.id);
  const at = now();
  const family: FamilyRecord = {
    id: uuid(),
    userId: person.id,
    name: person.name,
    kind: person.kind,
    expiresAt: at + (person.kind === 'customer' ? 365 : 30) * DAY_MS,
    browser,
  };
  const refresh = secretOf(refreshKey, family.id, 0);
  await store.logins.openFamily(family, secretHash(refresh));
  return { answer: await answerFor(parts, family, refresh, at), until: family.expiresAt, browser };
}

/** A renewed login. */
export interface RenewedLogin {
  readonly answer: LoginAnswer;
  readonly family: FamilyRecord;
  /**
   * True if the secret was late. Then its holder, or another tab of the same browser, already has a
   * newer one.
   */
  readonly late: boolean;
}

/**
 * Renews a login: resolves to the next token and the next secret. Undefined if the secret does not
 * belong to a login that is open.
 *
 * If the successor of a secret was not used yet, the secret gets the same successor again: the
 * answer was lost, or two tabs asked at once. A secret that is out of use was copied by somebody,
 * so it ends the login. A ban ends no login: the secret is good again when the ban has ended.
 *
 * Rejects with `HubError` `BANNED`, `UNAVAILABLE`.
 */
export async function renewLogin(parts: LoginParts, secret: string): Promise<RenewedLogin | undefined> {
  const { store, now, refreshKey } = parts;
  const id = loginOf(secret);
  if (id === undefined) return undefined;
  const at = now();
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const login = await store.logins.activeLogin(id, at);
    if (login === undefined) return undefined;
    const { family, secrets } = login;
    const step = stepFrom(refreshKey, secret, login, at);
    if (step === 'replayed') await endLogin(parts, id, 'refresh secret used twice');
    if (typeof step === 'string') return undefined;
    parts.assertNotBanned(family.userId);
    // If another request was faster, this one looks at the same secret again. By then the present
    // secret is the other request's.
    if (step.secrets !== undefined && !(await store.logins.replaceSecrets(secrets, step.secrets, at))) continue;
    return { answer: await answerFor(parts, family, step.secret, at), family, late: step.late };
  }
  throw new HubError('UNAVAILABLE', 'Too many requests renew this login at once: try again.');
}

/**
 * Resolves to the login of a secret, in use or not. Undefined if the login is over or the secret is
 * not one of its secrets. Rejects with `HubError` `UNAVAILABLE`.
 */
export async function loginWithSecret({ store, now, refreshKey }: LoginParts, secret: string): Promise<FamilyRecord | undefined> {
  const id = loginOf(secret);
  const at = now();
  const login = id === undefined ? undefined : await store.logins.activeLogin(id, at);
  return login === undefined || standingOf(refreshKey, secret, login.secrets, at).is === 'unknown' ? undefined : login.family;
}

/** The answer to a secret. `secrets` is set if the login's secrets change. */
type Step = Pick<RenewedLogin, 'late'> & { readonly secret: string; readonly secrets?: Next['secrets'] };

function stepFrom(key: Uint8Array, secret: string, { secrets }: ActiveLogin, now: number): Step | 'replayed' | 'unknown' {
  const standing = standingOf(key, secret, secrets, now);
  if (standing.is === 'replayed' || standing.is === 'unknown') return standing.is;
  if (standing.is === 'present') return { ...afterUse(key, secrets, now), late: false };
  const again = standing.is === 'late' ? secretAfter(key, secrets, standing.generation) : undefined;
  if (again !== undefined) return { secret: again, late: true };
  const present = presentSecret(key, secrets);
  return present === undefined ? { ...afterKeyChange(key, secrets), late: false } : { secret: present, late: false };
}

/**
 * Ends a login. It gets no further tokens. Within 2 s every node rejects its tokens and closes its
 * sockets (4510). May be repeated. Rejects with `HubError` `UNAVAILABLE`.
 *
 * The revocation is kept as long as a token of the login may live: 31 days for a login of another
 * issuer. It is kept at least until `tokenEnd`, Unix milliseconds.
 *
 * @param reason Stored with the revocation, for the operator.
 */
export async function endLogin(
  { store, now }: Pick<ApiParts, 'store' | 'now'>,
  login: string,
  reason: string,
  tokenEnd = 0,
): Promise<void> {
  const kind = await store.logins.revokeFamily(login);
  const at = now();
  const lifeMs = kind === undefined ? FOREIGN_TOKEN_MS : tokenSeconds(kind) * 1000;
  await store.revocations.add({ kind: 'login', subject: login, reason, at, until: Math.max(at + lifeMs, tokenEnd) + SKEW_SECONDS * 1000 });
}

function tokenSeconds(kind: string): number {
  return TOKEN_SECONDS[kind as LoginKind] ?? TOKEN_SECONDS.user;
}

/**
 * Signs the token of an answer. `now` is a time before the first read of the store. So a logout
 * that came in between is later than the token and revokes it, too.
 */
async function answerFor({ sign, uuid }: LoginParts, family: FamilyRecord, refresh: string, now: number): Promise<LoginAnswer> {
  const { userId, name, kind } = family;
  const expiresAt = Math.floor(now / 1000) + tokenSeconds(kind);
  const token = sign({ userId, name, kind, expiresAt, issuedAt: now / 1000, login: family.id });
  return { token, expiresAt, refresh, session: uuid(), user: { id: userId, name, kind } };
}
