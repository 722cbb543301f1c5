/** What a browser keeps between asking for a code and logging in, and of having logged in before. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { OriginPolicy } from '#libs/auth/origin-policy.ts';
import { basePath, cookieSuffix, isThisMachine } from '#libs/config/public-url.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { ApiParts } from './api-parts.ts';
import '@fastify/cookie';
import { type LoginAnswer, loginOf, type RenewedLogin } from './login.ts';

/** Each is its own, and has the suffix of `cookieSuffix`: who uses the chat in the browser of a customer, or is an agent beside it, stays both. */
const NAMES = { login: 'parley_refresh', agent: 'parley_agent', customer: 'parley_customer' } as const;

/**
 * Beside the cookie stands one that scripts may read, and that opens nothing: it tells the pages that there is a login to go on with. Who has none is not
 * asked for one. A widget knows its customer without.
 */
const HINTS = { login: 'parley_in', agent: 'parley_agent_in', customer: undefined } as const;

type CookieOwner = keyof typeof NAMES;

type CookieParts = Pick<ApiParts, 'now' | 'publicUrl' | 'origins' | 'store'>;

/** Answers with a login, and sets the cookie of its kind. `until`: when the refresh secret ends, Unix milliseconds. */
export function sendLogin<Answer extends Pick<LoginAnswer, 'refresh' | 'user'>>(
  reply: FastifyReply,
  parts: CookieParts,
  login: { readonly answer: Answer; readonly until: number },
  status: 200 | 201,
): FastifyReply {
  const { answer, until } = login;
  const owner = cookieOwner(answer.user.kind);
  const maxAge = Math.max(0, Math.floor((until - parts.now()) / 1000));
  const kept = { ...attributes(reply.request, parts.publicUrl, owner), maxAge };
  const suffix = cookieSuffix(parts.publicUrl);
  reply.setCookie(NAMES[owner] + suffix, answer.refresh, kept);
  const hint = HINTS[owner];
  if (hint !== undefined) reply.setCookie(hint + suffix, '1', { ...kept, ...readable(parts) });
  return reply.status(status).send(answer);
}

/**
 * Answers with a login that goes on. A late secret's next one is in the answer and in no cookie: the browser has a newer one, and would go back to one that is
 * about to be out of use.
 */
export function sendRenewed(reply: FastifyReply, parts: CookieParts, { answer, family, late }: RenewedLogin): FastifyReply {
  return late ? reply.status(200).send(answer) : sendLogin(reply, parts, { answer, until: family.expiresAt }, 200);
}

/** Whose cookie a login of this kind (`kind` of a token) has. */
export function cookieOwner(kind: string | undefined): CookieOwner {
  return kind === 'customer' || kind === 'agent' ? kind : 'login';
}

/** Whose cookie a request means that says `kind`, or nothing: then that of the chat, and of agents where there is no other. */
export function presentedOwner({ cookies }: FastifyRequest, { publicUrl }: CookieParts, kind: string | undefined): CookieOwner {
  const has = (owner: CookieOwner): boolean => Boolean(cookies[NAMES[owner] + cookieSuffix(publicUrl)]);
  return kind === undefined && !has('login') && has('agent') ? 'agent' : cookieOwner(kind);
}

/**
 * Takes the cookie back, and what stands beside it, where it has the refused `secret`, or one of the same login, or of the login `ended`: a bad secret in a
 * body says nothing of a good cookie. A cookie with a secret of a login that this hub does not know is another hub's under the same host name: it is
 * left alone. Rejects with `HubError` `UNAVAILABLE`.
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
  const hint = HINTS[owner];
  if (hint !== undefined) reply.clearCookie(hint + suffix, { ...kept, ...readable(parts) });
}

/**
 * The refresh secret of a request: the body's, otherwise the cookie's; undefined if there is neither. A cookie comes along whether or not the page that
 * sends the request may use it: SameSite=Strict keeps other sites out of a login, Partitioned keeps a customer's to the site it was made in, and the
 * Origin header keeps out every origin that is not ours or named. Throws `HubError` `ORIGIN_DENIED`.
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

/** Browsers send Origin with every POST; who sends none is no browser, and has no cookies of anybody else. `*` is no leave to use cookies. */
function assertMayUseCookie({ headers, host }: FastifyRequest, origins: OriginPolicy): void {
  const { origin } = headers;
  if (origin !== undefined) {
    if (!origins.trusts(origin, host)) throw origins.refusal(origin, host);
  } else if (headers['sec-fetch-site'] === 'cross-site') throw new HubError('ORIGIN_DENIED', 'This origin may not use the login.');
}

/** By scripts of every page of the hub. */
function readable({ publicUrl }: CookieParts) {
  return { path: `${basePath(publicUrl)}/`, httpOnly: false } as const;
}

/**
 * The widget is a frame of ours in a page of another site: its cookie has to be let into such frames (`SameSite=None`, which browsers take with `Secure`
 * only), and each embedding site has one of its own (`Partitioned`, CHIPS). Where no browser would take it, on plain http, it is a strict one: the widget
 * then works, and is a new customer after a reload, unless the page is of the same site.
 */
function attributes(request: FastifyRequest, publicUrl: string | undefined, owner: CookieOwner) {
  const secure = request.protocol === 'https' || (publicUrl?.startsWith('https:') ?? false);
  const common = { path: `${basePath(publicUrl)}/api/v1`, httpOnly: true } as const;
  // Browsers trust the machine itself without https: what is sent to it stays there (W3C Secure Contexts, section 3.1).
  const host = publicUrl === undefined ? request.hostname : new URL(publicUrl).hostname;
  if (owner === 'customer' && (secure || isThisMachine(host)))
    return { ...common, sameSite: 'none', secure: true, partitioned: true } as const;
  return { ...common, sameSite: 'strict', secure } as const;
}

/** What the cookies of a page of the hub have: out of reach of scripts and of other sites. */
function cookieAttributes(request: FastifyRequest, { publicUrl }: Pick<ApiParts, 'publicUrl'>) {
  return attributes(request, publicUrl, 'login');
}

const ATTEMPT = 'parley_attempt';
const DEVICE = 'parley_device';

/** Seconds. */
const ATTEMPT_SECONDS = 600;
const DEVICE_SECONDS = 31_536_000;
/** Accounts that one browser is known to. */
const ACCOUNTS = 4;

const ID_BYTES = 16;
const EXPIRY_BYTES = 4;
const PLAIN_BYTES = ID_BYTES + EXPIRY_BYTES;
const MAC_BYTES = 16;

type AttemptParts = Pick<ApiParts, 'publicUrl'>;
type DeviceParts = Pick<ApiParts, 'publicUrl' | 'deviceKey' | 'now'>;

/** Hubs of one host name have cookies of their own each. */
function nameOf(cookie: typeof ATTEMPT | typeof DEVICE, { publicUrl }: AttemptParts): string {
  return cookie + cookieSuffix(publicUrl);
}

/** The attempt that this browser asked a code for last. */
export function cookieAttempt({ cookies }: FastifyRequest, parts: AttemptParts): string | undefined {
  return cookies[nameOf(ATTEMPT, parts)] || undefined;
}

export function keepAttempt(reply: FastifyReply, parts: AttemptParts, attempt: string): void {
  reply.setCookie(nameOf(ATTEMPT, parts), attempt, { ...cookieAttributes(reply.request, parts), maxAge: ATTEMPT_SECONDS });
}

export function dropAttempt(reply: FastifyReply, parts: AttemptParts): void {
  const name = nameOf(ATTEMPT, parts);
  if (reply.request.cookies[name]) reply.clearCookie(name, cookieAttributes(reply.request, parts));
}

/** The id of this browser where somebody logged in to `account` in it within a year; undefined if it is a stranger to the account. */
export function knownDevice({ cookies }: FastifyRequest, parts: DeviceParts, account: string): string | undefined {
  return tokensOf(cookies[nameOf(DEVICE, parts)])
    .map((token) => deviceOf(parts, token, account))
    .find((device) => device !== undefined);
}

/**
 * From now on this browser is known to `account`, for a year. The cookie says to nobody which accounts these are, and opens nothing: a browser that has it may
 * try when strangers have used up the tries of the account.
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

/** A browser stays the same one: logging in gives it no further tries. */
function newToken({ deviceKey, now }: DeviceParts, account: string, device: string | undefined): string {
  const id = device === undefined ? randomBytes(ID_BYTES) : Buffer.from(device, 'base64url');
  const plain = Buffer.concat([id, Buffer.alloc(EXPIRY_BYTES)]);
  plain.writeUInt32BE(Math.floor(now() / 1000) + DEVICE_SECONDS, ID_BYTES);
  return Buffer.concat([plain, macOf(deviceKey, plain, account)]).toString('base64url');
}

function deviceOf({ deviceKey, now }: DeviceParts, token: string, account: string): string | undefined {
  const bytes = Buffer.from(token, 'base64url');
  if (bytes.length !== PLAIN_BYTES + MAC_BYTES) return undefined;
  const plain = bytes.subarray(0, PLAIN_BYTES);
  if (!timingSafeEqual(bytes.subarray(PLAIN_BYTES), macOf(deviceKey, plain, account))) return undefined;
  return plain.readUInt32BE(ID_BYTES) * 1000 > now() ? plain.subarray(0, ID_BYTES).toString('base64url') : undefined;
}

function macOf(key: Uint8Array, plain: Buffer, account: string): Buffer {
  return createHmac('sha256', key).update(plain).update(account).digest().subarray(0, MAC_BYTES);
}
