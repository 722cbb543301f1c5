/**
 * The cookies of logins: refresh secrets, the attempt of a mailed code, and known browsers (A1, A2,
 * A4, A5).
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { OriginPolicy } from '#libs/auth/origin-policy.ts';
import { basePath, cookieSuffix, isThisMachine } from '#libs/config/public-url.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { ApiParts } from './api-parts.ts';
import '@fastify/cookie';
import { type LoginAnswer, loginOf, type RenewedLogin } from './login.ts';
import { clientKey } from './rate-limits.ts';

/**
 * The cookie of each kind of login, before its suffix (`cookieSuffix`). The names differ so that
 * one browser can hold a user's, an agent's and a customer's login at once.
 */
const NAMES = { login: 'parley_refresh', agent: 'parley_agent', customer: 'parley_customer' } as const;

/**
 * A second cookie beside the first. Scripts may read it, and it opens nothing: it tells the pages
 * that there is a login to renew. Without it, a page requests no renewal. The widget learns from it
 * whether its frame keeps cookies.
 */
const HINTS = { login: 'parley_in', agent: 'parley_agent_in', customer: 'parley_customer_in' } as const;

type CookieOwner = keyof typeof NAMES;

type CookieParts = Pick<ApiParts, 'now' | 'publicUrl' | 'origins' | 'store'>;

/**
 * Answers with a login, sets the cookie of its kind, and notes the address of its user (A17).
 * `until` is the end of the refresh secret, Unix milliseconds.
 */
export async function sendLogin<Answer extends Pick<LoginAnswer, 'refresh' | 'user'>>(
  reply: FastifyReply,
  parts: CookieParts & Pick<ApiParts, 'addresses'>,
  login: { readonly answer: Answer; readonly until: number; readonly browser?: string | undefined },
  status: 200 | 201,
): Promise<FastifyReply> {
  const { answer, until, browser } = login;
  await parts.addresses.note({ id: answer.user.id, browser }, clientKey(reply.request));
  const owner = cookieOwner(answer.user.kind);
  const maxAge = Math.max(0, Math.floor((until - parts.now()) / 1000));
  const kept = { ...attributes(reply.request, parts.publicUrl, owner), maxAge };
  const suffix = cookieSuffix(parts.publicUrl);
  reply.setCookie(NAMES[owner] + suffix, answer.refresh, kept);
  reply.setCookie(HINTS[owner] + suffix, '1', { ...kept, ...readable(parts) });
  return reply.status(status).send(answer);
}

/**
 * Answers with a renewed login. The secret for a `late` one is in the answer, but not in a cookie:
 * the browser already has a newer cookie, and this secret is about to expire.
 */
export async function sendRenewed(
  reply: FastifyReply,
  parts: CookieParts & Pick<ApiParts, 'addresses'>,
  { answer, family, late }: RenewedLogin,
): Promise<FastifyReply> {
  if (late) return reply.status(200).send(answer);
  return sendLogin(reply, parts, { answer, until: family.expiresAt, browser: family.browser }, 200);
}

/** Returns the owner of the cookie for a login of this kind (`kind` of a token). */
export function cookieOwner(kind: string | undefined): CookieOwner {
  return kind === 'customer' || kind === 'agent' ? kind : 'login';
}

/**
 * Returns the owner of the cookie that a request means. `kind` is the choice in its body. Without
 * it, the cookie that is present; of several, the user's.
 */
export function presentedOwner({ cookies }: FastifyRequest, { publicUrl }: CookieParts, kind: string | undefined): CookieOwner {
  const has = (owner: CookieOwner): boolean => Boolean(cookies[NAMES[owner] + cookieSuffix(publicUrl)]);
  return kind === undefined && !has('login') && has('agent') ? 'agent' : cookieOwner(kind);
}

/**
 * Deletes the cookie and the hint beside it if its secret is of the same login as the rejected
 * `secret`, or of the login `ended`. A bad secret in a body leaves a good cookie.
 *
 * A cookie of a login that this hub does not know belongs to another hub under the same host name,
 * so it stays. If the request has no cookie, the hint alone may be left over: both are deleted.
 * Rejects with `HubError` `UNAVAILABLE`.
 */
export async function clearCookie(
  reply: FastifyReply,
  parts: CookieParts,
  owner: CookieOwner,
  secret: string | undefined,
  ended?: string,
): Promise<void> {
  const suffix = cookieSuffix(parts.publicUrl);
  const present = reply.request.cookies[NAMES[owner] + suffix];
  if (present) {
    const login = loginOf(present);
    if (login === undefined || (login !== ended && login !== loginOf(secret ?? ''))) return;
    if (!(await parts.store.logins.knowsLogin(login))) return;
  }
  const kept = attributes(reply.request, parts.publicUrl, owner);
  reply.clearCookie(NAMES[owner] + suffix, kept);
  reply.clearCookie(HINTS[owner] + suffix, { ...kept, ...readable(parts) });
}

/**
 * Returns the refresh secret of a request: from the body, otherwise from the cookie; undefined if
 * there is neither.
 *
 * A browser sends a cookie even if the page may not use it. `SameSite=Strict` keeps other sites out
 * of a login, `Partitioned` keeps a customer's login to one site, and the check of `Origin` keeps
 * out every origin that is neither ours nor in `ALLOWED_ORIGINS`.
 *
 * Throws `HubError` `ORIGIN_DENIED`.
 */
export function presentedSecret(
  request: FastifyRequest,
  inBody: string | undefined,
  { origins, publicUrl }: CookieParts,
  owner: CookieOwner = 'login',
): string | undefined {
  if (inBody !== undefined) return inBody;
  const cookie = request.cookies[NAMES[owner] + cookieSuffix(publicUrl)];
  if (cookie === undefined || cookie === '') return undefined;
  assertMayUseCookie(request, origins);
  return cookie;
}

/**
 * Browsers send `Origin` with every POST. A client without `Origin` is not a browser, so it has
 * only its own cookies. `*` in `ALLOWED_ORIGINS` does not allow cookies.
 */
function assertMayUseCookie({ headers, host }: FastifyRequest, origins: OriginPolicy): void {
  const { origin } = headers;
  if (origin !== undefined) {
    if (!origins.trusts(origin, host)) throw origins.refusal(origin, host);
  } else if (headers['sec-fetch-site'] === 'cross-site') throw new HubError('ORIGIN_DENIED', 'This origin may not use the login.');
}

/** Returns the attributes of a cookie that scripts of every page of the hub may read. */
function readable({ publicUrl }: CookieParts) {
  return { path: `${basePath(publicUrl)}/`, httpOnly: false } as const;
}

/**
 * Returns the attributes of a cookie with a refresh secret.
 *
 * The widget is a frame of ours in a page of another site. Its cookie needs `SameSite=None`, which
 * browsers accept only with `Secure`, and is `Partitioned` (CHIPS): each embedding site has a
 * cookie of its own. Over plain http browsers reject such a cookie, so it is strict there. The
 * widget then keeps the secret in the storage of its frame.
 */
function attributes(request: FastifyRequest, publicUrl: string | undefined, owner: CookieOwner) {
  const secure = request.protocol === 'https' || (publicUrl?.startsWith('https:') ?? false);
  const common = { path: `${basePath(publicUrl)}/api/v1`, httpOnly: true } as const;
  // Browsers trust the machine itself without https, because its traffic stays there (W3C Secure
  // Contexts section 3.1).
  const host = publicUrl === undefined ? request.hostname : new URL(publicUrl).hostname;
  if (owner === 'customer' && (secure || isThisMachine(host)))
    return { ...common, sameSite: 'none', secure: true, partitioned: true } as const;
  return { ...common, sameSite: 'strict', secure } as const;
}

/**
 * Returns the attributes of a cookie that scripts cannot use. Other sites cannot use it either, but
 * that of a customer belongs to the site that embeds the widget.
 */
export function cookieAttributes(request: FastifyRequest, { publicUrl }: Pick<ApiParts, 'publicUrl'>, owner: CookieOwner = 'login') {
  return attributes(request, publicUrl, owner);
}

const ATTEMPT = 'parley_attempt';
const DEVICE = 'parley_device';

/** Lifetimes of the two cookies, seconds: 10 minutes, and a year. */
const ATTEMPT_SECONDS = 600;
const DEVICE_SECONDS = 31_536_000;
/** Accounts that know one browser, at most. */
const ACCOUNTS = 4;

const ID_BYTES = 16;
const EXPIRY_BYTES = 4;
const PLAIN_BYTES = ID_BYTES + EXPIRY_BYTES;
const MAC_BYTES = 16;

type AttemptParts = Pick<ApiParts, 'publicUrl'>;
type DeviceParts = Pick<ApiParts, 'publicUrl' | 'deviceKeys' | 'now'>;

/** Returns the full name of a cookie. Hubs under one host name have cookies of their own each. */
function nameOf(cookie: typeof ATTEMPT | typeof DEVICE, { publicUrl }: AttemptParts): string {
  return cookie + cookieSuffix(publicUrl);
}

/** Returns the attempt of the last code that this browser asked for; undefined if there is none. */
export function cookieAttempt({ cookies }: FastifyRequest, parts: AttemptParts): string | undefined {
  return cookies[nameOf(ATTEMPT, parts)] || undefined;
}

/** Sets the cookie of an attempt, for 10 minutes. */
export function keepAttempt(reply: FastifyReply, parts: AttemptParts, attempt: string): void {
  reply.setCookie(nameOf(ATTEMPT, parts), attempt, { ...cookieAttributes(reply.request, parts), maxAge: ATTEMPT_SECONDS });
}

/** Deletes the cookie of an attempt, if the request has it. */
export function dropAttempt(reply: FastifyReply, parts: AttemptParts): void {
  const name = nameOf(ATTEMPT, parts);
  if (reply.request.cookies[name]) reply.clearCookie(name, cookieAttributes(reply.request, parts));
}

/**
 * Returns the id of this browser if somebody logged in to `account` with it within a year;
 * otherwise undefined.
 */
export function knownDevice({ cookies }: FastifyRequest, parts: DeviceParts, account: string): string | undefined {
  return tokensOf(cookies[nameOf(DEVICE, parts)])
    .map((token) => deviceOf(parts, token, account))
    .find((device) => device !== undefined);
}

/**
 * Makes this browser known to `account` for a year. The cookie names no account and opens nothing.
 * It lets the browser try even if strangers have used up the tries of the account.
 */
export function keepDevice(reply: FastifyReply, parts: DeviceParts, account: string): void {
  const { request } = reply;
  const others = tokensOf(request.cookies[nameOf(DEVICE, parts)]).filter((token) => deviceOf(parts, token, account) === undefined);
  const tokens = [newToken(parts, account, knownDevice(request, parts, account)), ...others].slice(0, ACCOUNTS);
  reply.setCookie(nameOf(DEVICE, parts), tokens.join('.'), { ...cookieAttributes(request, parts), maxAge: DEVICE_SECONDS });
}

function tokensOf(cookie: string | undefined): string[] {
  return cookie ? cookie.split('.').slice(0, ACCOUNTS) : [];
}

/**
 * Returns a token for the cookie. A known browser keeps its id, so a login does not give it further
 * tries.
 */
function newToken({ deviceKeys: [deviceKey], now }: DeviceParts, account: string, device: string | undefined): string {
  const id = device === undefined ? randomBytes(ID_BYTES) : Buffer.from(device, 'base64url');
  const plain = Buffer.concat([id, Buffer.alloc(EXPIRY_BYTES)]);
  plain.writeUInt32BE(Math.floor(now() / 1000) + DEVICE_SECONDS, ID_BYTES);
  return Buffer.concat([plain, macOf(deviceKey, plain, account)]).toString('base64url');
}

function deviceOf({ deviceKeys, now }: DeviceParts, token: string, account: string): string | undefined {
  const bytes = Buffer.from(token, 'base64url');
  if (bytes.length !== PLAIN_BYTES + MAC_BYTES) return undefined;
  const plain = bytes.subarray(0, PLAIN_BYTES);
  const mac = bytes.subarray(PLAIN_BYTES);
  if (!deviceKeys.some((key) => timingSafeEqual(mac, macOf(key, plain, account)))) return undefined;
  return plain.readUInt32BE(ID_BYTES) * 1000 > now() ? plain.subarray(0, ID_BYTES).toString('base64url') : undefined;
}

function macOf(key: Uint8Array, plain: Buffer, account: string): Buffer {
  return createHmac('sha256', key).update(plain).update(account).digest().subarray(0, MAC_BYTES);
}
