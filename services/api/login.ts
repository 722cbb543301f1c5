/** A login: an access token, and the refresh secret that the next one is got with. */

import { type Static, Type } from '@sinclair/typebox';
import { HubError } from '#libs/protocol/errors.ts';
import type { Person } from '#libs/protocol/frame-types.ts';
import type { ActiveLogin, FamilyRecord } from '#libs/store/login-store.ts';
import type { ApiParts } from './api-parts.ts';
import {
  afterKeyChange,
  afterUse,
  loginOf,
  type Next,
  presentSecret,
  secretAfter,
  secretHash,
  secretOf,
  standingOf,
} from './refresh-secret.ts';

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
