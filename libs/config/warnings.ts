/**
 * Warnings about settings with which the hub starts, but not safely. Each is one line in the log
 * and on the admin page. Secrets are never shown.
 */
import { parseDatabaseUrl } from './database-url.ts';
import { failPointsSetting } from './fail-point.ts';
import type { ServiceKey } from './kinds.ts';
import { isThisMachine } from './public-url.ts';
import { parseRedisUrl } from './redis-url.ts';
import { isWellKnownSecret, secretBits } from './secret-strength.ts';
import type { Role } from './setting.ts';
import type { HostAndPort } from './url.ts';

/** The settings that are checked. */
export interface CarefulSettings {
  readonly adminHost: string | undefined;
  readonly adminPassword: string | undefined;
  readonly allowedOrigins: readonly string[];
  readonly apiKeys: readonly ServiceKey[];
  readonly databaseUrl: string | undefined;
  readonly jwtJwksUrl: string | undefined;
  readonly jwtSecrets: readonly string[];
  readonly publicUrl: string | undefined;
  readonly redisUrl: string | undefined;
}

/** The least bytes of an HS256 key (RFC 7518, section 3.2). */
export const SECRET_MIN_BYTES = 32;
/**
 * A key with fewer bits can be found by trial. A random key of the required length has more than
 * 90.
 */
const KEY_MIN_BITS = 80;
/** The least bits of a password that a person types. Wrong tries are limited (A13). */
const PASSWORD_MIN_BITS = 30;

/** Returns the warnings. Each names the variable and the remedy. */
export function findWarnings(role: Role, settings: CarefulSettings): string[] {
  if (role === 'migrate') return [...database(settings), ...failPoints()];
  return [
    ...secrets(role, settings),
    ...(role === 'worker' ? [] : addresses(settings)),
    ...redis(settings),
    ...database(settings),
    ...adminPort(role, settings),
    ...failPoints(),
  ];
}

function secrets(role: Role, { jwtSecrets, redisUrl, jwtJwksUrl, apiKeys, adminPassword }: CarefulSettings): string[] {
  const found: string[] = [];
  const short = jwtSecrets.some((secret) => Buffer.byteLength(secret) < SECRET_MIN_BYTES || isWellKnownSecret(secret));
  if (short)
    found.push('JWT_SECRET can be guessed: whoever guesses it can act as any user. Use it only to try the hub on your own machine.');
  else if (jwtSecrets.some((secret) => secretBits(secret) < KEY_MIN_BITS))
    found.push(
      'JWT_SECRET has little entropy: an attacker who guesses it can act as any user. Use 32 random bytes: openssl rand -base64 32 makes them.',
    );
  if (role === 'all-in-one' && redisUrl !== undefined && jwtSecrets.length === 0 && jwtJwksUrl === undefined)
    found.push("JWT_SECRET is not set, but REDIS_URL is: other machines will refuse this one's tokens.");
  const weak = apiKeys.filter(({ key }) => isWellKnownSecret(key) || secretBits(key) < KEY_MIN_BITS).map(({ name }) => name);
  if (weak.length > 0)
    found.push(`API_KEYS has keys of little entropy: ${weak.join(', ')}. Use 32 random bytes for each: openssl rand -hex 32 makes them.`);
  const shared = apiKeys.filter(({ key }, place) => apiKeys.some((other, at) => at !== place && other.key === key)).map(({ name }) => name);
  if (shared.length > 0)
    found.push(`API_KEYS has one key for several services: ${shared.join(', ')}. The hub cannot distinguish them. Give each its own.`);
  if (adminPassword !== undefined && secretBits(adminPassword) < PASSWORD_MIN_BITS)
    found.push('ADMIN_PASSWORD has little entropy: an attacker who guesses it can log out and ban any user. Use a random one.');
  const reused = apiKeys
    .filter(({ key }) => jwtSecrets.includes(key) || key === adminPassword)
    .map(({ name }) => `the key of ${name} in API_KEYS`);
  if (adminPassword !== undefined && jwtSecrets.includes(adminPassword)) reused.push('ADMIN_PASSWORD');
  if (reused.length > 0) found.push(`${reused.join(' and ')} is another secret of this hub, too. Give each its own.`);
  return found;
}

function addresses({ publicUrl, allowedOrigins }: CarefulSettings): string[] {
  const found: string[] = [];
  if (publicUrl !== undefined && isPlain(publicUrl))
    found.push('PUBLIC_URL is http: passwords, tokens and messages can be read on the network. Put TLS in front, and write https.');
  const plain = allowedOrigins.filter(isPlain);
  if (plain.length > 0)
    found.push(
      `ALLOWED_ORIGINS has pages of http: ${plain.join(', ')}. An attacker on the network can change them and act as their visitors. Write https.`,
    );
  if (allowedOrigins.includes('*')) found.push('ALLOWED_ORIGINS is *: any page may connect. Name the pages that should.');
  return found;
}

/** Whether an address leads to another machine without TLS. */
function isPlain(address: string): boolean {
  return address.startsWith('http:') && !isThisMachine(new URL(address).hostname);
}

function redis({ redisUrl }: CarefulSettings): string[] {
  if (redisUrl === undefined) return [];
  const { nodes, tls } = parseRedisUrl(redisUrl);
  const remote = tls ? [] : remoteOf(nodes);
  return remote.length === 0
    ? []
    : [
        `REDIS_URL has no TLS to another machine (${remote.join(', ')}): messages and its password can be read on the network. Write rediss.`,
      ];
}

function database({ databaseUrl }: CarefulSettings): string[] {
  if (databaseUrl === undefined) return [];
  const { hosts, tls } = parseDatabaseUrl(databaseUrl);
  const remote = tls === undefined ? remoteOf(hosts) : [];
  return remote.length === 0
    ? []
    : [
        `DATABASE_URL has no TLS to another machine (${remote.join(', ')}): accounts and messages can be read on the network. Add ?sslmode=verify-full.`,
      ];
}

/** The hosts of other machines. The folder of a Unix socket is on this machine. */
function remoteOf(hosts: readonly HostAndPort[]): string[] {
  return hosts.map(({ host }) => host).filter((host) => !host.startsWith('/') && !isThisMachine(host));
}

/**
 * Warns about an admin port that other machines reach and that has no password. They get health and
 * metrics; without a password the admin pages themselves open on this machine only.
 */
function adminPort(role: Role, { adminHost, adminPassword }: CarefulSettings): string[] {
  if (adminPassword !== undefined || (adminHost !== undefined && isThisMachine(adminHost))) return [];
  const where = adminHost === undefined ? 'ADMIN_HOST is not set' : `ADMIN_HOST is ${adminHost}`;
  const remedy = role === 'gateway' || role === 'worker' ? '' : ', and set ADMIN_PASSWORD';
  return [
    `ADMIN_PORT is open beyond this machine without a password (${where}): everybody who reaches it can read health and metrics. Keep it in a private network, or set ADMIN_HOST to 127.0.0.1${remedy}.`,
  ];
}

function failPoints(): string[] {
  return failPointsSetting === '' ? [] : ['FAIL_POINTS is set: this process will kill or freeze itself. For tests only.'];
}
