/** A login: an access token, and the refresh secret that the next one is got with. */

import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Static, Type } from '@sinclair/typebox';
import { HubError } from '#libs/protocol/errors.ts';
import type { Person } from '#libs/protocol/frame-types.ts';
import type { ActiveLogin, EarlierSecret, FamilyRecord, LoginSecrets } from '#libs/store/login-store.ts';
import type { ApiParts } from './api-parts.ts';

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

function standingOf(key: Uint8Array, secret: string, login: LoginSecrets, now: number): Standing {
  const hash = secretHash(secret);
  if (isSame(hash, login.hash)) return { is: 'present' };
  const earlier = login.earlier.find((one) => isSame(hash, one.hash) && (one.until === null || one.until > now));
  if (earlier?.until === null) return { is: 'before' };
  if (earlier !== undefined) return { is: 'late', generation: earlier.generation };
  const generation = Buffer.from(SHAPE.exec(secret)?.[2] ?? '', 'base64url').readUInt32BE();
  return { is: generation < login.generation && isSame(secret, secretOf(key, login.id, generation)) ? 'replayed' : 'unknown' };
}

/** The login after its present secret was used: the one of the next generation is present. */
function afterUse(key: Uint8Array, { id, generation, hash, earlier }: LoginSecrets, now: number): Next {
  const before = earlier.map((one) => (one.until === null ? { ...one, until: now + LATE_MS } : one));
  return next(key, id, generation + 1, [{ hash, generation, until: null }, ...before.filter(({ until }) => until === null || until > now)]);
}

/**
 * The login with another present secret in place of one that this process cannot make again, because it was made with another key. Whoever has that one is
 * answered as whoever has the one before it.
 */
function afterKeyChange(key: Uint8Array, { id, generation, hash, earlier }: LoginSecrets): Next {
  return next(key, id, generation + 1, [{ hash, generation, until: null }, ...earlier]);
}

/** The present secret; undefined if it was made with another key. */
function presentSecret(key: Uint8Array, { id, generation, hash }: LoginSecrets): string | undefined {
  const secret = secretOf(key, id, generation);
  return isSame(secretHash(secret), hash) ? secret : undefined;
}

/** The secret a `late` one is answered with: that of the generation after it; undefined if it was made with another key. */
function secretAfter(key: Uint8Array, login: LoginSecrets, generation: number): string | undefined {
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

/** `T` of the contract. */
export const LoginAnswer = Type.Object(
  {
    token: Type.String({ description: 'A JWT for the WebSocket and for `Authorization: Bearer`.' }),
    expiresAt: Type.Integer({ description: 'When the token ends, Unix seconds.' }),
    refresh: Type.String({
      description:
        'Gets the next token and the next secret; asked again before that one was used, the same one. Also set as the cookie `parley_refresh`, of agents `parley_agent`, of customers `parley_customer`.',
    }),
    session: Type.String({ format: 'uuid', description: 'A fresh label for this tab.' }),
    user: Type.Object({ id: Type.String(), name: Type.String(), kind: Type.String() }),
  },
  { description: 'A login.' },
);

export type LoginAnswer = Static<typeof LoginAnswer>;

/** Somebody of a kind that the hub itself gives tokens to. */
export type LoginUser = Person & { readonly kind: LoginKind };

export type LoginKind = keyof typeof TOKEN_SECONDS;

/** How long an access token serves, by kind. */
const TOKEN_SECONDS = { user: 900, guest: 86_400, customer: 86_400, agent: 28_800 } as const;
/** What is remembered of tokens of another issuer, whose life the hub does not know, milliseconds. */
export const FOREIGN_TOKEN_MS = 31 * 86_400_000;
/** For clocks that differ. */
const SKEW_SECONDS = 60;
const DAY_MS = 86_400_000;
/** Looks at a login's secrets, where others change them at the same moment. */
const TRIES = 10;

type LoginParts = Pick<ApiParts, 'store' | 'now' | 'uuid' | 'sign' | 'refreshKey'>;

/** Begins a login. `until` is when its refresh secret ends, Unix milliseconds. Rejects with `HubError` `UNAVAILABLE`. */
export async function openLogin(parts: LoginParts, person: LoginUser): Promise<{ readonly answer: LoginAnswer; readonly until: number }> {
  const { store, now, uuid, refreshKey } = parts;
  const at = now();
  const family: FamilyRecord = {
    id: uuid(),
    userId: person.id,
    name: person.name,
    kind: person.kind,
    expiresAt: at + (person.kind === 'customer' ? 365 : 30) * DAY_MS,
  };
  const refresh = secretOf(refreshKey, family.id, 0);
  await store.logins.openFamily(family, secretHash(refresh));
  return { answer: await answerFor(parts, family, refresh, at), until: family.expiresAt };
}

/** A login that goes on. */
export interface RenewedLogin {
  readonly answer: LoginAnswer;
  readonly family: FamilyRecord;
  /** The secret was late: its holder, or another tab of the same browser, has a newer one already. */
  readonly late: boolean;
}

/**
 * The next token of a login, and its next secret. Undefined if the secret is none of a living login's. A secret whose next one was not used yet is answered
 * with that one again: the answer was lost, or two tabs asked at once. One that is out of use was copied by somebody: it ends the login, wherever it is used.
 * Rejects with `HubError` `UNAVAILABLE`.
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
    // Where somebody else was faster, the same secret is looked at once more: theirs is the next one then.
    if (step.secrets !== undefined && !(await store.logins.replaceSecrets(secrets, step.secrets, at))) continue;
    return { answer: await answerFor(parts, family, step.secret, at), family, late: step.late };
  }
  throw new HubError('UNAVAILABLE', 'The login is being renewed by many at once: try again.');
}

/** The login of whoever has one of its secrets, in use or not; undefined if it is over, or the secret is none of its. */
export async function loginWithSecret({ store, now, refreshKey }: LoginParts, secret: string): Promise<FamilyRecord | undefined> {
  const id = loginOf(secret);
  const at = now();
  const login = id === undefined ? undefined : await store.logins.activeLogin(id, at);
  return login === undefined || standingOf(refreshKey, secret, login.secrets, at).is === 'unknown' ? undefined : login.family;
}

/** What a secret is answered with, and the login's secrets then where they change. */
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
 * Ends a login: no further tokens, those that are out are refused, its sockets are closed (4510) on every node within 2 s. May be repeated.
 * It is remembered for as long as a token of it may live: those of another issuer for 31 days, and until `tokenEnd`, Unix milliseconds.
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

/** `now`: before the store was asked. A logout that came meanwhile has a later time than the token, and takes it, too. */
async function answerFor({ sign, uuid }: LoginParts, family: FamilyRecord, refresh: string, now: number): Promise<LoginAnswer> {
  const { userId, name, kind } = family;
  const expiresAt = Math.floor(now / 1000) + tokenSeconds(kind);
  const token = await sign({ userId, name, kind, expiresAt, issuedAt: now / 1000, login: family.id });
  return { token, expiresAt, refresh, session: uuid(), user: { id: userId, name, kind } };
}
