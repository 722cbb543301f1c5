/** The cookies that keep a browser's refresh secrets out of reach of its scripts: one of people who use the chat, one of agents, one of customers. */
import type { OriginPolicy } from '#libs/auth/origin-policy.ts';
import { isThisMachine } from '#libs/config/origin.ts';
import { basePath, cookieSuffix } from '#libs/config/public-url.ts';
import { HubError } from '#libs/protocol/errors.ts';
import '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiParts } from './api-parts.ts';
import type { LoginAnswer, RenewedLogin } from './login.ts';
import { loginOf } from './refresh-secret.ts';

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
export function cookieAttributes(request: FastifyRequest, { publicUrl }: Pick<ApiParts, 'publicUrl'>) {
  return attributes(request, publicUrl, 'login');
}
