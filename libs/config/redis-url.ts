/** Parses `REDIS_URL`. It alone decides between one server, Sentinel and Cluster. */
import { type HostAndPort, refuseOthers, splitUrl, UrlError } from './url.ts';

/** The address of a Redis server. */
export type RedisAddress = HostAndPort;

/** The Redis that a URL names. */
export interface RedisTarget {
  readonly mode: 'single' | 'sentinel' | 'cluster';
  /** The server, the sentinels, or the seeds of the cluster: at least one. */
  readonly nodes: readonly RedisAddress[];
  /** The name of the master that the sentinels watch; empty in the other modes. */
  readonly masterName: string;
  /** Database number; 0 on a cluster. */
  readonly db: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** The password of the sentinels themselves, if they have one. */
  readonly sentinelPassword: string | undefined;
  readonly tls: boolean;
}

const SCHEME = /^(redis|rediss)(\+sentinel|\+cluster)?$/;
const PORT = 6379;
const SENTINEL_PORT = 26379;
const LOGIN_HINT = 'write it before the host, user:password@host';
const TLS_HINT = 'TLS is rediss in place of redis';
const HINTS = {
  password: LOGIN_HINT,
  username: LOGIN_HINT,
  user: LOGIN_HINT,
  tls: TLS_HINT,
  ssl: TLS_HINT,
  db: 'write it as the path, /number',
};

/**
 * Parses one of
 *
 * - `redis://[user:password@]host[:6379][/db]`
 * - `redis+sentinel://[user:password@]host[:26379],.../<master name>[/db][?sentinelPassword=...]`
 * - `redis+cluster://[user:password@]host[:6379],...`
 *
 * each with `rediss` for TLS. User and password are percent-encoded and are for the data servers.
 *
 * @throws UrlError, a `TypeError`. Its message never has the URL, which may hold a password.
 */
export function parseRedisUrl(url: string): RedisTarget {
  const { scheme, username, password, hosts, path, params } = splitUrl(url, (name) =>
    SCHEME.test(name) ? (name.endsWith('+sentinel') ? SENTINEL_PORT : PORT) : undefined,
  );
  const [, kind = '', form = ''] = SCHEME.exec(scheme) ?? [];
  const mode = form === '+sentinel' ? 'sentinel' : form === '+cluster' ? 'cluster' : 'single';
  if (hosts.length === 0) throw new UrlError('it names no host');
  if (hosts.some(({ host }) => host.startsWith('/')))
    throw new UrlError('Redis takes a host name or address, not the folder of a Unix socket');
  if (mode === 'single' && hosts.length > 1) throw new UrlError('several hosts need redis+sentinel:// or redis+cluster://');
  if (username !== undefined && password === undefined)
    throw new UrlError('a user needs a password. Write a password alone as :password@host');
  refuseOthers(params, mode === 'sentinel' ? ['sentinelPassword'] : [], HINTS);
  const [first, ...rest] = path;
  if (mode === 'sentinel' && first === undefined) throw new UrlError('a Sentinel URL must have /<master name>');
  const numbers = mode === 'sentinel' ? rest : path;
  const number = numbers[0] ?? '0';
  if (numbers.length > 1 || !/^\d{1,9}$/.test(number)) throw new UrlError('the path must end with a database number');
  const db = Number(number);
  if (mode === 'cluster' && db !== 0) throw new UrlError('a Redis Cluster has database 0 only');
  return {
    mode,
    nodes: hosts,
    masterName: mode === 'sentinel' ? (first ?? '') : '',
    db,
    username,
    password,
    sentinelPassword: params.get('sentinelPassword') || undefined,
    tls: kind === 'rediss',
  };
}
