/** Reads how a Redis is set up, for an operator. The hub itself needs `RedisHealth` only. */
import type { RedisMaster } from './master.ts';
import type { RedisLink } from './redis-link.ts';

/** A limit of `client-output-buffer-limit`: bytes, and the seconds that the soft one is allowed. 0: none. */
export interface BufferLimit {
  readonly hardBytes: number;
  readonly softBytes: number;
  readonly softSeconds: number;
}

/** The set-up of one master. What this user may not ask is undefined. */
export interface RedisFacts {
  /** Host and port. */
  readonly address: string;
  readonly version: string;
  readonly maxmemoryPolicy: string;
  /** 0: no limit. */
  readonly maxmemoryBytes: number;
  readonly appendOnly: boolean;
  /** When it saves its data, as in `save`. Empty: never. */
  readonly snapshots: string | undefined;
  /** Of connections that subscribe. */
  readonly subscriberLimit: BufferLimit | undefined;
  /** How far its clock is ahead of this machine's, milliseconds, give or take half a round trip. */
  readonly aheadMs: number;
}

/** Asks every master. Rejects if one does not answer. */
export async function readRedisFacts(link: RedisLink): Promise<RedisFacts[]> {
  return Promise.all(link.masters().map((master) => read(link, master)));
}

async function read(link: RedisLink, master: RedisMaster): Promise<RedisFacts> {
  const ask = (name: string, ...args: string[]): Promise<unknown> => link.ask(master, name, args);
  const info = String(await ask('INFO'));
  const fact = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  const configured = async (name: string): Promise<string | undefined> => {
    // CONFIG is an administrator's command. The hub's own user should not have it.
    const reply = await ask('CONFIG', 'GET', name).catch(() => undefined);
    return Array.isArray(reply) ? String(reply[1] ?? '') : undefined;
  };
  const before = Date.now();
  const [seconds, microseconds] = (await ask('TIME')) as readonly unknown[];
  const after = Date.now();
  const [snapshots, limits] = await Promise.all([configured('save'), configured('client-output-buffer-limit')]);
  return {
    address: `${master.host}:${master.port}`,
    version: fact('redis_version'),
    maxmemoryPolicy: fact('maxmemory_policy'),
    maxmemoryBytes: Number(fact('maxmemory')),
    appendOnly: fact('aof_enabled') === '1',
    snapshots,
    subscriberLimit: limits === undefined ? undefined : subscriberLimit(limits),
    aheadMs: Number(seconds) * 1000 + Number(microseconds) / 1000 - (before + after) / 2,
  };
}

/** Reads `normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60`. */
function subscriberLimit(text: string): BufferLimit | undefined {
  const found = /\bpubsub (\d+) (\d+) (\d+)/.exec(text);
  return found === null ? undefined : { hardBytes: Number(found[1]), softBytes: Number(found[2]), softSeconds: Number(found[3]) };
}
