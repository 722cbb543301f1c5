/**
 * What programs warn about in their set-up (A13): a code with its values, and the sentence in
 * English. The log and the doctor write the sentence; the admin page has one in each language.
 *
 * Each sentence names the setting and the remedy. A value is never a secret.
 */
export const SETTING_WARNINGS = {
  secretGuessable: () =>
    'JWT_SECRET can be guessed: whoever guesses it can act as any user. Use it only to try the hub on your own machine.',
  secretWeak: () =>
    'JWT_SECRET has little entropy: an attacker who guesses it can act as any user. Use 32 random bytes: openssl rand -base64 32 makes them.',
  secretMissing: () => "JWT_SECRET is not set, but REDIS_URL is: other machines will refuse this one's tokens.",
  keysWeak: (services: string) =>
    `API_KEYS has keys of little entropy: ${services}. Use 32 random bytes for each: openssl rand -hex 32 makes them.`,
  keysShared: (services: string) =>
    `API_KEYS has one key for several services: ${services}. The hub cannot distinguish them. Give each its own.`,
  keysReused: (services: string) => `API_KEYS: the key of ${services} is another secret of this hub, too. Give each its own.`,
  adminPasswordWeak: () => 'ADMIN_PASSWORD has little entropy: an attacker who guesses it can log out and ban any user. Use a random one.',
  adminPasswordReused: () => 'ADMIN_PASSWORD is another secret of this hub, too. Give each its own.',
  publicUrlPlain: () => 'PUBLIC_URL is http: passwords, tokens and messages can be read on the network. Put TLS in front, and write https.',
  originsPlain: (origins: string) =>
    `ALLOWED_ORIGINS has pages of http: ${origins}. An attacker on the network can change them and act as their visitors. Write https.`,
  originsAny: () => 'ALLOWED_ORIGINS is *: any page may connect. Name the pages that should.',
  redisPlain: (hosts: string) =>
    `REDIS_URL has no TLS to another machine (${hosts}): messages and its password can be read on the network. Write rediss.`,
  databasePlain: (hosts: string) =>
    `DATABASE_URL has no TLS to another machine (${hosts}): accounts and messages can be read on the network. Add ?sslmode=verify-full.`,
  /** `host`: empty if it is not set. `pages`: not empty if the program has admin pages. */
  adminPortOpen: (host: string, pages: string) =>
    `ADMIN_PORT is open beyond this machine without a password (ADMIN_HOST is ${host === '' ? 'not set' : host}): everybody who reaches it can read health and metrics. Keep it in a private network, or set ADMIN_HOST to 127.0.0.1${pages === '' ? '' : ', and set ADMIN_PASSWORD'}.`,
  failPoints: () => 'FAIL_POINTS is set: this process will kill or freeze itself. For tests only.',
  fsyncOff: () =>
    'PostgreSQL runs with fsync = off: if its machine crashes, acknowledged messages are lost, and maybe the database. Set fsync = on.',
  fullPageWritesOff: () =>
    'PostgreSQL runs with full_page_writes = off: a page that a crash tore cannot be restored, with the acknowledged messages on it. Set full_page_writes = on.',
  synchronousCommitOff: () =>
    'PostgreSQL commits with synchronous_commit = off: if it crashes, messages that were just acknowledged are lost. Set synchronous_commit = on for this user and database.',
  redisEvicts: () => 'Redis has a maxmemory-policy that evicts: set it to noeviction before you limit its memory.',
} as const satisfies Record<string, (...values: string[]) => string>;

/** The code of a warning. */
export type SettingWarningCode = keyof typeof SETTING_WARNINGS;

/** A warning with the values of its sentence. */
export interface SettingWarning {
  readonly code: SettingWarningCode;
  readonly values: readonly string[];
}

/** Makes a warning. */
export function settingWarning<C extends SettingWarningCode>(code: C, ...values: Parameters<(typeof SETTING_WARNINGS)[C]>): SettingWarning {
  return { code, values };
}

/** Returns the sentence of a warning, in English. */
export function warningText({ code, values }: SettingWarning): string {
  const sentence: (...values: string[]) => string = SETTING_WARNINGS[code];
  return sentence(...values);
}
