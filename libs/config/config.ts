/**
 * Reads the environment once at start into a frozen object. Only this file and `fail-point.ts` read
 * `process.env`.
 */

import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { CONVERSATION_CHARS, charsThatFit, frameBytesFor } from '#libs/protocol/limits.ts';
import type { SettingWarning } from '#libs/protocol/setting-warnings.ts';
import { type Environment, type SettingTexts, settingTexts } from './environment.ts';
import type { CustomerDoor, Kind } from './kinds.ts';
import { isWellKnownSecret } from './secret-strength.ts';
import type { Default, Role, Setting } from './setting.ts';
import { SETTINGS } from './settings.ts';
import { UrlError } from './url.ts';
import { findWarnings, SECRET_MIN_BYTES } from './warnings.ts';

type Settings = typeof SETTINGS;

type ByRole = Readonly<Record<'all-in-one' | 'elsewhere', unknown>>;

type Value<S> = S extends { readonly kind: Kind<infer T>; readonly default: infer D }
  ? null extends D | (D extends ByRole ? D[keyof ByRole] : never)
    ? T | undefined
    : T
  : never;

type Values = { readonly [K in keyof Settings]: Value<Settings[K]> };

/** All settings, checked, with their defaults. Names end with the unit. */
export interface Config extends Omit<Values, 'nodeId' | 'allowCustomers'> {
  readonly role: Role;
  /** `ALLOW_CUSTOMERS`. If unset, true if `ALLOWED_ORIGINS` is set. */
  readonly allowCustomers: CustomerDoor;
  /** The longest text in a conversation, in code points: `messageMaxChars` or more (F2). */
  readonly conversationMaxChars: number;
  /** `NODE_ID`. If unset, a name made for this start. */
  readonly nodeId: string;
  /**
   * Warnings about settings that start but are not safe. Logged at start and shown on the admin
   * page.
   */
  readonly warnings: readonly SettingWarning[];
}

/** The settings do not let the hub start. Carries all problems, not only the first. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  /**
   * One sentence for each problem: the variable's name and the values that it takes. Never a
   * secret.
   */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** The names of the programs in messages. */
const PROGRAMS: Readonly<Record<Role, string>> = {
  'all-in-one': 'the all-in-one',
  gateway: 'a gateway',
  api: 'the API',
  worker: 'a worker',
  migrate: 'the migration',
};

/**
 * The settings that each program needs. A worker and the API derive the key of queued mail from
 * `JWT_SECRET`.
 */
const NEEDED: Readonly<Record<Role, readonly string[]>> = {
  'all-in-one': [],
  gateway: ['REDIS_URL', 'DATABASE_URL'],
  api: ['REDIS_URL', 'DATABASE_URL', 'JWT_SECRET'],
  worker: ['REDIS_URL', 'DATABASE_URL', 'SMTP_URL', 'JWT_SECRET'],
  migrate: ['DATABASE_URL'],
};

/** The settings by which a gateway can verify tokens. It needs at least one. */
const TOKEN_KEYS = ['JWT_SECRET', 'JWT_PUBLIC_KEYS', 'JWT_SIGNING_KEY', 'JWT_JWKS_URL'];

/**
 * Reads and checks the settings, and the files of secrets (`NAME_FILE`). Ignores variables that are
 * not in the table.
 *
 * @throws ConfigError with all problems together: bad values, files that cannot be used, and
 *   combinations that are not safe for this role.
 */
export function loadConfig(role: Role, env: Environment = process.env): Config {
  const texts = settingTexts(env);
  const problems: string[] = [...texts.problems];
  const values = readValues(role, texts, problems);
  problems.push(...findConflicts(role, values, texts.isGiven));
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze({
    ...values,
    role,
    conversationMaxChars: Math.max(values.messageMaxChars, Math.min(CONVERSATION_CHARS, charsThatFit(values.frameMaxBytes))),
    allowCustomers: values.allowCustomers ?? values.allowedOrigins.length > 0,
    nodeId: values.nodeId ?? madeNodeId(hostname(), randomBytes(4).toString('hex')),
    warnings: Object.freeze(findWarnings(role, values)),
  });
}

/** Returns the default of a setting for a role. */
export function defaultOf<T>(setting: Pick<Setting<T>, 'default'>, role: Role): Default<T> {
  const value: unknown = setting.default;
  const byRole = typeof value === 'object' && value !== null && !Array.isArray(value);
  return (byRole ? (value as ByRole)[role === 'all-in-one' ? role : 'elsewhere'] : value) as Default<T>;
}

function readValues(role: Role, texts: SettingTexts, problems: string[]): Values {
  const values: Record<string, unknown> = {};
  for (const [field, setting] of Object.entries(SETTINGS) as [string, Setting<unknown>][]) {
    const text = texts.text(setting.name);
    values[field] = defaultOf(setting, role) ?? undefined;
    if (text === '') continue;
    const value = parsed(setting, text, problems);
    if (value !== undefined) values[field] = value;
  }
  return values as Values;
}

/** Returns the value, or undefined if the text is not valid. `problems` then has the reason. */
function parsed(setting: Setting<unknown>, text: string, problems: string[]): unknown {
  const { name, kind } = setting;
  try {
    const value = kind.parse(text);
    if (value === undefined) problems.push(`${name} takes ${kind.takes}${setting.secret ? '' : `, not ${JSON.stringify(text)}`}.`);
    return value;
  } catch (error) {
    if (!(error instanceof UrlError)) throw error;
    problems.push(`${name} takes ${kind.takes}: ${error.message}.`);
    return undefined;
  }
}

/**
 * Returns the problems of combined settings.
 *
 * @param isSet Whether a setting is given, also by a bad text that was reported already.
 */
function findConflicts(role: Role, values: Values, isSet: (name: string) => boolean): string[] {
  const problems: string[] = [];
  for (const name of NEEDED[role]) {
    const setting = Object.values<Setting<unknown>>(SETTINGS).find((one) => one.name === name);
    if (!isSet(name)) problems.push(`${name} is not set: ${PROGRAMS[role]} takes ${setting?.kind.takes}.`);
  }
  if (role === 'gateway' && !TOKEN_KEYS.some(isSet)) {
    problems.push(`One of ${TOKEN_KEYS.join(', ')} has to be set: without any of them a gateway could not tell a token from a forgery.`);
  }
  if (role !== 'all-in-one') {
    for (const [place, secret] of values.jwtSecrets.entries()) {
      const which = values.jwtSecrets.length === 1 ? 'it' : `number ${place + 1}`;
      const bytes = Buffer.byteLength(secret);
      if (bytes < SECRET_MIN_BYTES) problems.push(`JWT_SECRET takes ${SETTINGS.jwtSecrets.kind.takes}: ${which} has ${bytes}.`);
      else if (isWellKnownSecret(secret))
        problems.push(`JWT_SECRET takes ${SETTINGS.jwtSecrets.kind.takes}: ${which} is a public example.`);
    }
  }
  for (const name of ['JWT_ISSUER', 'JWT_AUDIENCE']) {
    if (isSet('JWT_JWKS_URL') && !isSet(name)) {
      problems.push(
        `${name} is not set: it takes a text without spaces, and JWT_JWKS_URL needs it. Otherwise the hub would accept tokens made for other services.`,
      );
    }
  }
  if (values.port !== 0 && values.port === values.adminPort) {
    problems.push(`ADMIN_PORT takes another port than PORT: both are ${values.port}.`);
  }
  const { messageMaxChars, frameMaxBytes } = values;
  const frameMinBytes = frameBytesFor(messageMaxChars);
  if (frameMaxBytes < frameMinBytes) {
    problems.push(
      `FRAME_MAX_BYTES is ${frameMaxBytes} and takes at least 12 x MESSAGE_MAX_CHARS + 1024: ${frameMinBytes}, for MESSAGE_MAX_CHARS is ${messageMaxChars}. Otherwise some texts of that length could never be sent. Set FRAME_MAX_BYTES to ${frameMinBytes} or more, or MESSAGE_MAX_CHARS to ${Math.max(charsThatFit(frameMaxBytes), 1)} or less.`,
    );
  }
  if (isSet('DATA_MAX_BYTES') && values.dataMaxBytes > values.frameMaxBytes) {
    problems.push(`FRAME_MAX_BYTES takes at least DATA_MAX_BYTES (${values.dataMaxBytes}): such a \`data\` could never be sent.`);
  }
  if (values.userBytesPerSecond > 0 && values.userBytesBurst < values.frameMaxBytes) {
    problems.push(`USER_BYTES_BURST takes at least FRAME_MAX_BYTES (${values.frameMaxBytes}): such a frame could never be sent.`);
  }
  return problems;
}

/** Makes a node id from the host name, cut to the allowed characters, and a random part. */
function madeNodeId(host: string, random: string): string {
  return `${host.replace(/[^A-Za-z0-9.-]/g, '-').slice(0, 40)}-${random}`;
}
