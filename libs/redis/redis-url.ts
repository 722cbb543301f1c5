/** `REDIS_URL` taken apart: it alone decides between one server, Sentinel and Cluster. */

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

export interface RedisTarget {
  readonly mode: 'single' | 'sentinel' | 'cluster';
  /** The server, the sentinels, or the seeds of the cluster: at least one. */
  readonly nodes: readonly RedisAddress[];
  /** Name of the master that the sentinels watch; empty in the other modes. */
  readonly masterName: string;
  /** Database number; 0 on a cluster. */
  readonly db: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Password of the sentinels themselves, where they have one. */
  readonly sentinelPassword: string | undefined;
  readonly tls: boolean;
}

const FORM = /^(redis|rediss)(\+sentinel|\+cluster)?:\/\/(?:([^@/]*)@)?([^@/?#]+)(?:\/([^?#]*))?(?:\?([^#]*))?$/;

/**
 * Parses one of
 * - `redis://[user:password@]host[:6379][/db]`
 * - `redis+sentinel://[user:password@]host[:26379],.../<master name>[/db][?sentinelPassword=...]`
 * - `redis+cluster://[user:password@]host[:6379],...`
 *
 * each with `rediss` for TLS. User and password are percent-encoded and go to the data servers.
 * Throws `TypeError` whose message never holds the URL, since that may hold a password.
 */
export function parseRedisUrl(url: string): RedisTarget {
  const match = FORM.exec(url);
  if (!match) {
    throw new TypeError(
      'A Redis URL looks like redis://host:6379, redis+sentinel://host:26379,host/name or redis+cluster://host:6379,host.',
    );
  }
  const [, scheme, kind = '', userinfo = '', hosts = '', path = '', query = ''] = match;
  const mode = kind === '+sentinel' ? 'sentinel' : kind === '+cluster' ? 'cluster' : 'single';
  const nodes = hosts.split(',').map((host) => parseAddress(host, mode === 'sentinel' ? 26379 : 6379));
  if (mode === 'single' && nodes.length > 1) throw new TypeError('Several Redis hosts need redis+sentinel:// or redis+cluster://.');
  const parts = path.split('/').filter((part) => part !== '');
  const masterName = mode === 'sentinel' ? decodeURIComponent(parts.shift() ?? '') : '';
  if (mode === 'sentinel' && masterName === '') throw new TypeError('A redis+sentinel:// URL ends with /<master name>.');
  const db = Number(parts.shift() ?? 0);
  if (!Number.isInteger(db) || db < 0 || parts.length > 0) throw new TypeError('The path of a Redis URL is a database number.');
  if (mode === 'cluster' && db !== 0) throw new TypeError('A Redis Cluster has database 0 only.');
  const colon = userinfo.indexOf(':');
  const username = colon < 0 ? userinfo : userinfo.slice(0, colon);
  const password = colon < 0 ? '' : userinfo.slice(colon + 1);
  return {
    mode,
    nodes,
    masterName,
    db,
    username: username === '' ? undefined : decodeURIComponent(username),
    password: password === '' ? undefined : decodeURIComponent(password),
    sentinelPassword: new URLSearchParams(query).get('sentinelPassword') ?? undefined,
    tls: scheme === 'rediss',
  };
}

/** `host:port`, `[v6]:port` or `host`. */
function parseAddress(text: string, defaultPort: number): RedisAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? defaultPort);
  if (host === undefined || port < 1 || port > 65535) throw new TypeError('A Redis URL names each host as host:port.');
  return { host, port };
}
