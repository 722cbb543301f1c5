import type { PresenceNode } from './presence-node.ts';
import type { RedisServer } from './redis-server.ts';

/**
 * Compares all keys of presence in a Redis with the living nodes (by node id). Resolves with a line
 * for each difference; none means that they are equal and nothing is left of ended nodes.
 */
export async function audit(server: RedisServer, prefix: string, nodes: ReadonlyMap<string, PresenceNode>): Promise<string[]> {
  const root = `${prefix}:{p0}:`;
  const found = await read(server, root);
  const incarnations = new Map<string, string>();
  const problems: string[] = [];
  for (const lease of found.get('leases') ?? []) {
    if (lease === 'beat' || lease === 'since') continue;
    const name = lease.slice(0, lease.lastIndexOf('~'));
    if (!nodes.has(name) || incarnations.has(name)) problems.push(`a lease left over: ${lease}`);
    incarnations.set(name, lease);
  }
  const expected = new Map<string, Set<string>>();
  const expectEntry = (key: string, entry: string): void => {
    expected.set(key, (expected.get(key) ?? new Set()).add(entry));
  };
  const roomUsers = new Map<string, Set<string>>();
  for (const [name, node] of nodes) {
    const id = incarnations.get(name) ?? `no lease of ${name}`;
    for (const connection of node.connections.values()) {
      expectEntry(`connections:${connection.user.id}`, `${id}.${connection.id}`);
      expectEntry('online', connection.user.id);
      expectEntry(`node-connections:${id}`, `${connection.id} ${connection.user.id}`);
    }
    for (const { room, user } of node.rooms.values()) {
      expectEntry(`node-rooms:${id}`, `${room} ${user.id}`);
      expectEntry('occupied', room);
      const pair = `room:${room}|${user.id}`;
      roomUsers.set(pair, (roomUsers.get(pair) ?? new Set()).add(id));
    }
  }
  for (const [pair, ids] of roomUsers) {
    const [key = '', user = ''] = pair.split('|');
    expectEntry(key, `${user}: ${[...ids].sort().join(' ')}`);
  }
  for (const key of new Set([...expected.keys(), ...found.keys()])) {
    if (key === 'leases' || key === 'tombstones' || key.startsWith('login:')) continue;
    const want = expected.get(key) ?? new Set();
    const have = new Set(found.get(key) ?? []);
    const missing = [...want].filter((entry) => !have.has(entry));
    const extra = [...have].filter((entry) => !want.has(entry));
    if (missing.length > 0) problems.push(`${key}: ${missing.length} missing: ${missing.slice(0, 5)}`);
    if (extra.length > 0) problems.push(`${key}: ${extra.length} left over: ${extra.slice(0, 5)}`);
  }
  return problems;
}

const READ = `
local all = {}
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
  local kind = redis.call('TYPE', key).ok
  local entries = {}
  if kind == 'set' then entries = redis.call('SMEMBERS', key)
  elseif kind == 'zset' then entries = redis.call('ZRANGE', key, 0, -1)
  elseif kind == 'hash' then entries = redis.call('HGETALL', key) end
  all[#all + 1] = { string.sub(key, #ARGV[1] + 1), kind, entries }
end
return all`;

async function read(server: RedisServer, root: string): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const row of list(await server.command('EVAL', READ, 0, root))) {
    const [key, kind, values] = list(row);
    const entries = list(values).map(String);
    const name = String(key);
    if (kind !== 'hash') found.set(name, entries);
    else if (name.startsWith('room:')) found.set(name, roomEntries(entries));
    else
      found.set(
        name,
        entries.filter((_, i) => i % 2 === 0),
      );
  }
  return found;
}

/** `<user>: <nodes, sorted>` of a room's hash. */
function roomEntries(entries: readonly string[]): string[] {
  return entries.flatMap((user, i) => {
    if (i % 2 === 1) return [];
    const value = entries[i + 1] ?? '';
    return [`${user}: ${value.slice(0, value.indexOf('{')).trim().split(' ').sort().join(' ')}`];
  });
}

function list(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new TypeError(`not a list: ${String(value)}`);
  return value;
}
