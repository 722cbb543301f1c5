/**
 * Warnings about settings with which the hub starts, but not safely. Each is one line in the log
 * and on the admin page. Secrets are never shown.
 */
import { type SettingWarning, settingWarning } from '#libs/protocol/setting-warnings.ts';
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

/** Returns the warnings. */
export function findWarnings(role: Role, settings: CarefulSettings): SettingWarning[] {
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

function secrets(role: Role, { jwtSecrets, redisUrl, jwtJwksUrl, apiKeys, adminPassword }: CarefulSettings): SettingWarning[] {
  const found: SettingWarning[] = [];
  const short = jwtSecrets.some((secret) => Buffer.byteLength(secret) < SECRET_MIN_BYTES || isWellKnownSecret(secret));
  if (short) found.push(settingWarning('secretGuessable'));
  else if (jwtSecrets.some((secret) => secretBits(secret) < KEY_MIN_BITS)) found.push(settingWarning('secretWeak'));
  if (role === 'all-in-one' && redisUrl !== undefined && jwtSecrets.length === 0 && jwtJwksUrl === undefined)
    found.push(settingWarning('secretMissing'));
  const named = (keys: readonly ServiceKey[]) => keys.map(({ name }) => name).join(', ');
  const weak = apiKeys.filter(({ key }) => isWellKnownSecret(key) || secretBits(key) < KEY_MIN_BITS);
  if (weak.length > 0) found.push(settingWarning('keysWeak', named(weak)));
  const shared = apiKeys.filter(({ key }, place) => apiKeys.some((other, at) => at !== place && other.key === key));
  if (shared.length > 0) found.push(settingWarning('keysShared', named(shared)));
  if (adminPassword !== undefined && secretBits(adminPassword) < PASSWORD_MIN_BITS) found.push(settingWarning('adminPasswordWeak'));
  const reused = apiKeys.filter(({ key }) => jwtSecrets.includes(key) || key === adminPassword);
  if (reused.length > 0) found.push(settingWarning('keysReused', named(reused)));
  if (adminPassword !== undefined && jwtSecrets.includes(adminPassword)) found.push(settingWarning('adminPasswordReused'));
  return found;
}

function addresses({ publicUrl, allowedOrigins }: CarefulSettings): SettingWarning[] {
  const found: SettingWarning[] = [];
  if (publicUrl !== undefined && isPlain(publicUrl)) found.push(settingWarning('publicUrlPlain'));
  const plain = allowedOrigins.filter(isPlain);
  if (plain.length > 0) found.push(settingWarning('originsPlain', plain.join(', ')));
  if (allowedOrigins.includes('*')) found.push(settingWarning('originsAny'));
  return found;
}

/** Whether an address leads to another machine without TLS. */
function isPlain(address: string): boolean {
  return address.startsWith('http:') && !isThisMachine(new URL(address).hostname);
}

function redis({ redisUrl }: CarefulSettings): SettingWarning[] {
  if (redisUrl === undefined) return [];
  const { nodes, tls } = parseRedisUrl(redisUrl);
  const remote = tls ? [] : remoteOf(nodes);
  return remote.length === 0 ? [] : [settingWarning('redisPlain', remote.join(', '))];
}

function database({ databaseUrl }: CarefulSettings): SettingWarning[] {
  if (databaseUrl === undefined) return [];
  const { hosts, tls } = parseDatabaseUrl(databaseUrl);
  const remote = tls === undefined ? remoteOf(hosts) : [];
  return remote.length === 0 ? [] : [settingWarning('databasePlain', remote.join(', '))];
}

/** The hosts of other machines. The folder of a Unix socket is on this machine. */
function remoteOf(hosts: readonly HostAndPort[]): string[] {
  return hosts.map(({ host }) => host).filter((host) => !host.startsWith('/') && !isThisMachine(host));
}

/**
 * Warns about an admin port that other machines reach and that has no password. They get health and
 * metrics; without a password the admin pages themselves open on this machine only.
 */
function adminPort(role: Role, { adminHost, adminPassword }: CarefulSettings): SettingWarning[] {
  if (adminPassword !== undefined || (adminHost !== undefined && isThisMachine(adminHost))) return [];
  return [settingWarning('adminPortOpen', adminHost ?? '', role === 'gateway' || role === 'worker' ? '' : 'pages')];
}

function failPoints(): SettingWarning[] {
  return failPointsSetting === '' ? [] : [settingWarning('failPoints')];
}
