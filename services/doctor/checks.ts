/** The table of all checks, in the order of the report. To add one: a file in `checks/`, and its row. */
import type { Check } from './check.ts';
import { clocks } from './checks/clocks.ts';
import { connections } from './checks/connections.ts';
import { durability } from './checks/durability.ts';
import { mail } from './checks/mail.ts';
import { openFiles } from './checks/open-files.ts';
import { ports } from './checks/ports.ts';
import { publicPath } from './checks/public-path.ts';
import { redis } from './checks/redis.ts';
import { redisMemory } from './checks/redis-memory.ts';
import { redisPersistence } from './checks/redis-persistence.ts';
import { redisSubscribers } from './checks/redis-subscribers.ts';
import { schema } from './checks/schema.ts';
import { settings } from './checks/settings.ts';

export const CHECKS: readonly Check[] = [
  settings,
  redis,
  redisMemory,
  redisSubscribers,
  redisPersistence,
  schema,
  durability,
  connections,
  clocks,
  openFiles,
  ports,
  mail,
  publicPath,
];
