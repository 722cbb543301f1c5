/** Runs the checks on one hub. */
import { type Config, loadConfig } from '#libs/config/config.ts';
import type { Environment } from '#libs/config/environment.ts';
import type { Role } from '#libs/config/setting.ts';
import { readRedisFacts } from '#libs/redis/redis-facts.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import { readDatabaseFacts } from '#libs/store/database-facts.ts';
import { createLogger } from '#libs/telemetry/logger.ts';
import { broken, type Check, type Finding, type Patient } from './check.ts';
import { settings, settingsOf } from './checks/settings.ts';
import { CHECKS } from './checks.ts';

const ANSWER_MS = 5000;

/** What is looked at. */
export interface Examination {
  /** Default: the variables of this process. */
  readonly env?: Environment;
  /** The programs whose settings are checked. Empty: those of a hub with `REDIS_URL`, or the all-in-one. */
  readonly roles: readonly Role[];
  readonly idleSeconds: number;
}

const SEVERAL: readonly Role[] = ['gateway', 'api', 'worker'];

/** Called for each check, in order, with what it found. */
export type Report = (check: Check, findings: readonly Finding[]) => void;

/** Runs every check. If the settings cannot be read at all, only that is reported. */
export async function examine({ env, roles: named, idleSeconds }: Examination, report: Report): Promise<void> {
  let config: Config;
  try {
    // Of all programs the all-in-one needs the fewest settings. The check of settings asks for more.
    config = loadConfig('all-in-one', env);
  } catch {
    report(settings, settingsOf(named.length > 0 ? named : SEVERAL, env));
    return;
  }
  const roles = named.length > 0 ? named : config.redisUrl === undefined ? (['all-in-one'] as const) : SEVERAL;
  const log = createLogger({ node: 'doctor', level: 'silent' });
  const link = config.redisUrl === undefined ? undefined : RedisLink.open(config.redisUrl, { prefix: config.redisPrefix, log });
  const redis = once(async () => {
    if (link === undefined) return undefined;
    return link.ready(ANSWER_MS).then(
      () => readRedisFacts(link),
      () => undefined,
    );
  });
  const { databaseUrl } = config;
  const database = once(async () => (databaseUrl === undefined ? undefined : readDatabaseFacts(databaseUrl)));
  try {
    const patient: Patient = { env, roles, config, link, redis, database, idleSeconds };
    // One after the other: the report is read from the top while the last check is silent.
    for (const check of CHECKS) report(check, await look(check, patient));
  } finally {
    await link?.close();
  }
}

async function look(check: Check, patient: Patient): Promise<readonly Finding[]> {
  try {
    return await check.run(patient);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return [broken(`It could not be looked at: ${text}`, 'Report this: a check must not fail.')];
  }
}

/** Calls the function at the first call, and keeps what it gave. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
