/**
 * A node in a process of its own, to be killed and frozen. Its one argument is the plan; see
 * `presence-process.ts`.
 */
import { PresenceRedis } from '#libs/presence/presence-redis.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import { PresenceNode } from './presence-node.ts';
import type { PresencePlan } from './presence-process.ts';

const plan = JSON.parse(process.argv[2] ?? '') as PresencePlan;
const say = (what: string): void => void process.stdout.write(`${what}\n`);
const log = {
  info: () => undefined,
  warn: (fields: object, text: string) => say(`${text} ${JSON.stringify(fields)}`),
  error: () => undefined,
};
const link = RedisLink.open(plan.url, { prefix: plan.prefix, log });
const observe = { reaped: (count: number) => say(`reaped ${count}`), restored: (count: number) => say(`restored ${count}`) };
const node = await new PresenceNode(new PresenceRedis(link, { node: plan.node, ...plan.timing, observe })).start();
for (const [id, user] of plan.connections) await node.connect(id, user);
for (const [room, user] of plan.rooms) await node.enter(room, user);
for (const [room, user] of plan.leaves ?? []) await node.leave(room, user);
say('ready');
setInterval(() => undefined, 60_000);
