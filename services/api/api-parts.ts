/**
 * The parts of the routes of the API. `composeApi` puts them together; a route module takes the
 * parts that it needs.
 */
import type { FastifyInstance } from 'fastify';
import type { Credentials } from '#libs/auth/credentials.ts';
import type { OriginPolicy } from '#libs/auth/origin-policy.ts';
import type { KeyRing } from '#libs/auth/tokens.ts';
import type { CustomerDoor, ServiceKey } from '#libs/config/kinds.ts';
import type { Language } from '#libs/protocol/languages.ts';
import type { Store } from '#libs/store/store.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import type { GuestAddresses } from './guest-addresses.ts';
import type { Limits } from './rate-limits.ts';

/** A mail with a login code, for the queue. The queue's side encrypts the code. */
export interface CodeMail {
  /**
   * Undefined if nobody has this name. The mail is queued even then, so that known and unknown
   * accounts take the same time. The worker drops it.
   */
  readonly to: string | undefined;
  readonly code: string;
  /** Unix milliseconds. After it the mail is not sent. */
  readonly expiresAt: number;
  /** Undefined: English. */
  readonly language?: Language | undefined;
}

/** Backends, keys and settings of the routes. */
export interface ApiParts {
  readonly log: Logger;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Returns a fresh UUID at each call, for ids of requests, sessions, users and logins. */
  readonly uuid: () => string;
  readonly store: Store;
  /** Signs a token that the gateways accept. */
  readonly sign: (credentials: Credentials) => string;
  /**
   * Resolves to the credentials of a token that is valid, not revoked, and whose user is not
   * banned. Rejects with `HubError` `MISSING_TOKEN`, `TOKEN_EXPIRED`, `BANNED` or `UNAVAILABLE`.
   */
  readonly verify: (token: string) => Promise<Credentials>;
  /**
   * Checks that no ban holds for these users, or browsers in the form of `browserSubject`. Throws
   * `HubError` `BANNED` or `UNAVAILABLE`.
   */
  readonly assertNotBanned: (...subjects: readonly string[]) => void;
  /** Resolves when the job is stored. Rejects with `HubError` `UNAVAILABLE`. */
  readonly queueMail: (mail: CodeMail) => Promise<void>;
  readonly limits: Limits;
  /** The addresses that guests and others used (A17). */
  readonly addresses: Pick<GuestAddresses, 'note' | 'ban' | 'bannedAt'>;
  /** `API_KEYS`: the services that may use the routes of A11. */
  readonly services: readonly ServiceKey[];
  /**
   * The keys for hashes of login codes: at least 32 bytes each, the same on every instance, never in
   * the database.
   */
  readonly codeKeys: KeyRing;
  /**
   * The keys for the cookies of known browsers (A2, A6): at least 32 bytes each, the same on every
   * instance.
   */
  readonly deviceKeys: KeyRing;
  /** The key that encrypts stored answers (A15): 32 bytes, the same on every instance. */
  readonly answerKey: Uint8Array;
  /**
   * The key that derives refresh secrets (A4): at least 32 bytes, the same on every instance. A
   * change of this key ends no login.
   */
  readonly refreshKey: Uint8Array;
  /** The pages that may send requests and use cookies: `PUBLIC_URL`, `ALLOWED_ORIGINS`. */
  readonly origins: OriginPolicy;
  /** `ALLOW_GUESTS` (A7). */
  readonly allowGuests: boolean;
  /** `ALLOW_CUSTOMERS` (A5). */
  readonly allowCustomers: CustomerDoor;
  /**
   * `PUBLIC_URL`, without a slash at its end. If it is https, cookies are Secure. Its path is the
   * path of the cookies.
   */
  readonly publicUrl: string | undefined;
  /** `TRUSTED_PROXY_HOPS`. */
  readonly trustedProxyHops: number;
  /**
   * Resolves to the number of distinct online users of the hub (A12). May reject with `HubError`
   * `UNAVAILABLE`.
   */
  readonly online: () => Promise<number>;
  /** The public keys of our tokens (RFC 7517); undefined if a secret signs them. */
  readonly jwks: { readonly keys: readonly object[] } | undefined;
}

/**
 * Adds routes under `/api/v1`. Each route has schemas of its input and its answers, and names its
 * guard with `authenticated(...)` or `forServices()`. Without a guard it is open to all.
 *
 *     api.get('/rooms', { ...authenticated(), schema: { response: { 200: Rooms } } }, list);
 */
export type Routes = (api: FastifyInstance, parts: ApiParts) => void;
