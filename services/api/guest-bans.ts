/** The bans of guests and customers at the door: for their browser and their address (A17). */
import { randomBytes } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { cookieSuffix } from '#libs/config/public-url.ts';
import { browserSubject } from '#libs/store/event-store.ts';
import type { ApiParts } from './api-parts.ts';
import { secretHash } from './login.ts';
import { cookieAttributes } from './login-cookies.ts';
import { clientKey } from './rate-limits.ts';

/**
 * The cookies of browsers, before their suffix (`cookieSuffix`). That of customers belongs to one
 * embedding site, as their login does.
 */
const NAMES = { login: 'parley_guest', customer: 'parley_visitor' } as const;

type Owner = keyof typeof NAMES;
type BrowserParts = Pick<ApiParts, 'publicUrl'>;

const ID_BYTES = 16;
/** 16 bytes in base64url. */
const ID = /^[\w-]{22}$/;
/** A year, seconds. */
const COOKIE_SECONDS = 31_536_000;

/**
 * Returns the hash of the browser's id, and keeps the id in its cookie for a year. A browser
 * without an id gets one. It names nobody and opens nothing: a ban may hold for it.
 */
export function keepBrowser(reply: FastifyReply, parts: BrowserParts, owner: Owner): string {
  const id = idOf(reply.request, parts, owner) ?? randomBytes(ID_BYTES).toString('base64url');
  const attributes = cookieAttributes(reply.request, parts, owner);
  reply.setCookie(NAMES[owner] + cookieSuffix(parts.publicUrl), id, { ...attributes, maxAge: COOKIE_SECONDS });
  return secretHash(id);
}

/**
 * Checks that a new guest, customer or account may be made in this browser and from this address.
 *
 * @throws HubError `BANNED`, `UNAVAILABLE`.
 */
export async function requireNoBan(reply: FastifyReply, parts: ApiParts, owner: Owner): Promise<void> {
  const { request } = reply;
  // A ban may outlast the cookie: each try keeps it for another year.
  if (idOf(request, parts, owner) !== undefined) parts.assertNotBanned(browserSubject(keepBrowser(reply, parts, owner)));
  parts.assertNotBanned(...(await parts.addresses.bannedAt(clientKey(request))));
}

function idOf({ cookies }: FastifyRequest, { publicUrl }: BrowserParts, owner: Owner): string | undefined {
  const id = cookies[NAMES[owner] + cookieSuffix(publicUrl)];
  return id !== undefined && ID.test(id) ? id : undefined;
}
