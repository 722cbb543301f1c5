/** What a check is, and what it finds. `checks.ts` has the table of them. */
import type { Config } from '#libs/config/config.ts';
import type { Environment } from '#libs/config/environment.ts';
import type { Role } from '#libs/config/setting.ts';
import type { RedisFacts } from '#libs/redis/redis-facts.ts';
import type { RedisLink } from '#libs/redis/redis-link.ts';
import type { DatabaseFacts } from '#libs/store/database-facts.ts';

/**
 * - `holds`: all is well.
 * - `broken`: a promise of the hub does not hold. The doctor exits with 1.
 * - `advice`: the promises hold, and something should be changed.
 * - `unknown`: this could not be looked at.
 */
export type FindingState = 'holds' | 'broken' | 'advice' | 'unknown';

/** What a check found, for people. */
export interface Finding {
  readonly state: FindingState;
  /** One sentence: what is the case, with its numbers. Never a secret. */
  readonly text: string;
  /** What to do. Absent if all is well. */
  readonly todo?: string;
}

/** A hub to be looked at. */
export interface Patient {
  readonly env: Environment | undefined;
  /** The programs whose settings are checked. */
  readonly roles: readonly Role[];
  readonly config: Config;
  /** The link to Redis, up or not; undefined without `REDIS_URL`. */
  readonly link: RedisLink | undefined;
  /** Undefined if there is no Redis, or if it does not answer: the check `redis` reports that. */
  redis(): Promise<readonly RedisFacts[] | undefined>;
  /** Rejects if PostgreSQL does not answer. Undefined without `DATABASE_URL`. */
  database(): Promise<DatabaseFacts | undefined>;
  /** Seconds that a socket through the proxy is silent. */
  readonly idleSeconds: number;
}

/** One thing that is looked at. A file of `checks/` has one. */
export interface Check {
  /** One or two words, for the report. */
  readonly name: string;
  /** Resolves with the findings; empty if there is nothing to look at. An error is a broken finding. */
  run(patient: Patient): Promise<readonly Finding[]>;
}

export const holds = (text: string): Finding => ({ state: 'holds', text });
export const broken = (text: string, todo: string): Finding => ({ state: 'broken', text, todo });
export const advice = (text: string, todo: string): Finding => ({ state: 'advice', text, todo });
export const unknown = (text: string, todo: string): Finding => ({ state: 'unknown', text, todo });
