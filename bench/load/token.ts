import { createHmac } from 'node:crypto';

/**
 * An HS256 token for a user, valid for an hour, for a Parley with the same `JWT_SECRET`.
 *
 * @param more Further claims, or others in their place.
 */
export function signToken(secret: string, user: string, nowMs: number, more: object = {}): string {
  const seconds = Math.floor(nowMs / 1000);
  const head = base64url({ alg: 'HS256', typ: 'JWT' });
  const body = base64url({ sub: user, name: user, iat: seconds, exp: seconds + 3600, ...more });
  return `${head}.${body}.${createHmac('sha256', secret).update(`${head}.${body}`).digest('base64url')}`;
}

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
