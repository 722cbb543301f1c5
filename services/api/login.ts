/** A login: an access token, and the refresh secret that the next one is got with. */
import { createHash, randomBytes } from 'node:crypto';
import { type Static, Type } from '@sinclair/typebox';
import type { FamilyRecord } from '#libs/store/store.ts';
import type { ApiParts } from './api-parts.ts';

/** `T` of the contract. */
export const LoginAnswer = Type.Object(
  {
    token: Type.String({ description: 'A JWT for the WebSocket and for `Authorization: Bearer`.' }),
    expiresAt: Type.Integer({ description: 'When the token ends, Unix seconds.' }),
    refresh: Type.String({
      description:
        'Gets the next token, once. Also set as the cookie `parley_refresh`, of agents `parley_agent`, of customers `parley_customer`.',
    }),
    session: Type.String({ format: 'uuid', description: 'A fresh label for this tab.' }),
    user: Type.Object({ id: Type.String(), name: Type.String(), kind: Type.String() }),
  },
  { description: 'A login.' },
);

export type LoginAnswer = Static<typeof LoginAnswer>;

/** Who logs in. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly kind: PersonKind;
}

export type PersonKind = keyof typeof TOKEN_SECONDS;

/** How long an access token serves, by kind. */
const TOKEN_SECONDS = { user: 900, guest: 86_400, customer: 86_400, agent: 28_800 } as const;
const LONGEST_TOKEN_SECONDS = Math.max(...Object.values(TOKEN_SECONDS));
/** For clocks that differ. */
const SKEW_SECONDS = 60;
const DAY_MS = 86_400_000;
const SECRET_BYTES = 32;

/** A family's id, a dot, and what only its holder knows. */
const REFRESH = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.[\w-]{43}$/;

type LoginParts = Pick<ApiParts, 'store' | 'clock' | 'uuid' | 'sign'>;

/** Longest refresh secret, characters. */
export const REFRESH_MAX = 80;

/** What the store keeps instead of a secret: SHA-256, base64url. Enough for 32 random bytes. */
export function secretHash(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

/** 32 random bytes, base64url. */
export function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

/** Begins a login. `until` is when its refresh secret ends, Unix milliseconds. Rejects with `HubError` `UNAVAILABLE`. */
export async function openLogin(parts: LoginParts, person: Person): Promise<{ readonly answer: LoginAnswer; readonly until: number }> {
  const { store, clock, uuid } = parts;
  const now = clock();
  const family: FamilyRecord = {
    id: uuid(),
    userId: person.id,
    name: person.name,
    kind: person.kind,
    expiresAt: now + (person.kind === 'customer' ? 365 : 30) * DAY_MS,
  };
  const refresh = `${family.id}.${newSecret()}`;
  await store.logins.openFamily(family, secretHash(refresh));
  return { answer: await answerFor(parts, family, refresh, now), until: family.expiresAt };
}

/** A login that goes on. */
export interface RenewedLogin {
  readonly answer: LoginAnswer;
  readonly family: FamilyRecord;
}

/**
 * The next token of a login, and its next secret. Undefined where the secret is not the present one of any living login. One that was used before
 * was copied by somebody: it ends the login, wherever it is used.
 */
export async function renewLogin(parts: LoginParts, secret: string): Promise<RenewedLogin | undefined> {
  const id = familyOf(secret);
  if (id === undefined) return undefined;
  const now = parts.clock();
  const refresh = `${id}.${newSecret()}`;
  const family = await parts.store.logins.rotate(id, secretHash(secret), secretHash(refresh), now);
  if (family === 'replayed') await endLogin(parts, id, 'refresh secret used twice');
  if (typeof family === 'string') return undefined;
  return { answer: await answerFor(parts, family, refresh, now), family };
}

/** The login a refresh secret belongs to; undefined where it has not the form of one. */
export function familyOf(secret: string): string | undefined {
  return REFRESH.exec(secret)?.[1];
}

/** Ends a login: no further tokens, those that are out are refused, its sockets are closed (4510) on every node within 2 s. May be repeated. */
export async function endLogin({ store, clock }: Pick<ApiParts, 'store' | 'clock'>, login: string, reason: string): Promise<void> {
  const kind = await store.logins.revokeFamily(login);
  const at = clock();
  // As long as a token of it may live. The login of another issuer's token is none of ours: its kind is not known.
  const seconds = kind === undefined ? LONGEST_TOKEN_SECONDS : tokenSeconds(kind);
  await store.sanctions.add({ kind: 'login', subject: login, reason, at, until: at + (seconds + SKEW_SECONDS) * 1000 });
}

function tokenSeconds(kind: string): number {
  return TOKEN_SECONDS[kind as PersonKind] ?? TOKEN_SECONDS.user;
}

/** `now`: before the store was asked. A logout that came meanwhile has a later time than the token, and takes it, too. */
async function answerFor({ sign, uuid }: LoginParts, family: FamilyRecord, refresh: string, now: number): Promise<LoginAnswer> {
  const { userId, name, kind } = family;
  const expiresAt = Math.floor(now / 1000) + tokenSeconds(kind);
  const token = await sign({ userId, name, kind, expiresAt, issuedAt: now / 1000, login: family.id });
  return { token, expiresAt, refresh, session: uuid(), user: { id: userId, name, kind } };
}
