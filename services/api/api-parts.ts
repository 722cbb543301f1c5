/** What the routes of the API are made of. Composed by a main; a route module takes what it needs from it. */
import type { FastifyInstance } from 'fastify';
import type { Credentials } from '#libs/auth/credentials.ts';
import type { OriginPolicy } from '#libs/auth/origin-policy.ts';
import type { CustomerDoor, ServiceKey } from '#libs/config/kinds.ts';
import type { Store } from '#libs/store/store.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import type { Limits } from './rate-limits.ts';

/** A mail with a login code, as it is put into the queue. The queue's side encrypts the code. */
export interface CodeMail {
  /** Undefined: nobody has this nickname. It is queued all the same, so that known and unknown accounts cost the same; the worker drops it. */
  readonly to: string | undefined;
  readonly code: string;
  /** Unix milliseconds; not sent any more afterwards. */
  readonly expiresAt: number;
}

export interface ApiParts {
  readonly log: Logger;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** A fresh UUID at each call: ids of requests, sessions, people, logins. */
  readonly uuid: () => string;
  readonly store: Store;
  /** Signs a token the gateways take. */
  readonly sign: (credentials: Credentials) => string | Promise<string>;
  /** A bearer token's credentials, not revoked and not banned. Throws or rejects with `HubError` `TOKEN_EXPIRED` or `UNAVAILABLE`. */
  readonly verify: (token: string) => Credentials | Promise<Credentials>;
  /** Resolves when the job is kept. Rejects with `HubError` `UNAVAILABLE`. */
  readonly queueMail: (mail: CodeMail) => Promise<void>;
  readonly limits: Limits;
  /** `API_KEYS`: who may use the routes for services (A11). */
  readonly services: readonly ServiceKey[];
  /** Keys the hash of a login code; at least 32 bytes, the same on every instance, on no disk of the database. */
  readonly codeKey: Uint8Array;
  /** Marks the cookies of browsers that an account knows (A2, A6): at least 32 bytes, the same on every instance. */
  readonly deviceKey: Uint8Array;
  /** Seals kept answers (A15): 32 bytes, the same on every instance. */
  readonly answerKey: Uint8Array;
  /** Makes refresh secrets (A4): at least 32 bytes, the same on every instance. Where it is another one than before, logins go on. */
  readonly refreshKey: Uint8Array;
  /** Whose pages may ask, and use cookies: `PUBLIC_URL`, `ALLOWED_ORIGINS`. */
  readonly origins: OriginPolicy;
  /** `ALLOW_GUESTS` (A7). */
  readonly allowGuests: boolean;
  /** `ALLOW_CUSTOMERS` (A5). */
  readonly allowCustomers: CustomerDoor;
  /** `PUBLIC_URL`, without a slash at its end: where it is https cookies are marked Secure, and its path is theirs. */
  readonly publicUrl: string | undefined;
  /** `TRUSTED_PROXY_HOPS`. */
  readonly trustedProxyHops: number;
  /** Distinct users online, hub-wide (A12). May reject with `HubError` `UNAVAILABLE`. */
  readonly online: () => Promise<number>;
  /** The public keys of tokens signed here (RFC 7517); undefined if they are signed with a secret. */
  readonly jwks: { readonly keys: readonly object[] } | undefined;
}

/**
 * Adds routes under `/api/v1`. Each has schemas of all it takes and answers, and says who may use it with `authenticated(...)` or `forServices()`:
 *
 *     api.get('/rooms', { ...authenticated('user'), schema: { response: { 200: Rooms, ...errors(403) } } }, (request) => roomsOf(request.user));
 */
export type Routes = (api: FastifyInstance, parts: ApiParts) => void;
