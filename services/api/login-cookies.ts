/** What a browser keeps between asking for a code and logging in, and of having logged in before. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { cookieSuffix } from '#libs/config/public-url.ts';
import type { ApiParts } from './api-parts.ts';
import { cookieAttributes } from './refresh-cookie.ts';

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

type CookieParts = Pick<ApiParts, 'publicUrl'>;
type DeviceParts = Pick<ApiParts, 'publicUrl' | 'deviceKey' | 'now'>;

/** Hubs of one host name have cookies of their own each. */
function nameOf(cookie: typeof ATTEMPT | typeof DEVICE, { publicUrl }: CookieParts): string {
  return cookie + cookieSuffix(publicUrl);
}

/** The attempt that this browser asked a code for last. */
export function cookieAttempt({ cookies }: FastifyRequest, parts: CookieParts): string | undefined {
  return cookies[nameOf(ATTEMPT, parts)] || undefined;
}

export function keepAttempt(reply: FastifyReply, parts: CookieParts, attempt: string): void {
  reply.setCookie(nameOf(ATTEMPT, parts), attempt, { ...cookieAttributes(reply.request, parts), maxAge: ATTEMPT_SECONDS });
}

export function dropAttempt(reply: FastifyReply, parts: CookieParts): void {
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
