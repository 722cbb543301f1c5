/** Parses `DATABASE_URL`. */
import { type HostAndPort, refuseOthers, splitUrl, UrlError, wordOf } from './url.ts';

/** The servers of a database and how to connect to them. */
export interface DatabaseTarget {
  /** At least one server. With several, one of them takes writes. */
  readonly hosts: readonly HostAndPort[];
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string;
  /** Whether a connection must reach a server that takes writes. */
  readonly readWrite: boolean;
  readonly applicationName: string | undefined;
  /** Undefined: no TLS. */
  readonly tls: DatabaseTls | undefined;
}

/** TLS of a connection to the database. */
export interface DatabaseTls {
  /** Whether the certificate and its name are checked. */
  readonly verify: boolean;
  /**
   * Whether TLS starts with the first byte (PostgreSQL 17), without the request of the older
   * protocol.
   */
  readonly direct: boolean;
  /** Paths of PEM files: the authority, and the client's certificate with its key. */
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
}

const PORT = 5432;
const KNOWN = [
  'target_session_attrs',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'sslnegotiation',
  'application_name',
  'host',
] as const;
const HINTS = {
  ssl: 'write sslmode=verify-full',
  password: 'write it before the host, user:password@host',
  user: 'write it before the host, user:password@host',
  port: 'write it after its host, host:port',
  dbname: 'write it as the path, /database',
};

/**
 * Parses `postgres://[user:password@]host[:5432][,host...]/database[?...]`. Takes the parameters of
 * libpq that stand in `KNOWN`. `host` names the folder of a Unix socket. Every `sslmode` but
 * `disable` and `no-verify` checks the certificate and its name.
 *
 * @throws UrlError
 */
export function parseDatabaseUrl(text: string): DatabaseTarget {
  const { username, password, hosts, path, params } = splitUrl(text, (scheme) => (/^postgres(?:ql)?$/.test(scheme) ? PORT : undefined));
  refuseOthers(params, KNOWN, HINTS);
  const folder = params.get('host');
  if (folder !== undefined && (!folder.startsWith('/') || hosts.length > 0))
    throw new UrlError('the parameter host is the folder of a Unix socket, and needs a URL without another host');
  const servers = folder === undefined ? hosts : [{ host: folder, port: PORT }];
  if (servers.length === 0) throw new UrlError('it names no host');
  const [database, ...rest] = path;
  if (database === undefined || rest.length > 0) throw new UrlError('it must end with /database');
  const attributes = wordOf(params, 'target_session_attrs', 'read-write', 'primary', 'any');
  return {
    hosts: servers,
    user: username,
    password,
    database,
    readWrite: attributes !== 'any',
    applicationName: params.get('application_name'),
    tls: tlsOf(params),
  };
}

function tlsOf(params: ReadonlyMap<string, string>): DatabaseTls | undefined {
  const mode = wordOf(params, 'sslmode', 'disable', 'no-verify', 'require', 'verify-ca', 'verify-full');
  const negotiation = wordOf(params, 'sslnegotiation', 'postgres', 'direct');
  const files = { caFile: params.get('sslrootcert'), certFile: params.get('sslcert'), keyFile: params.get('sslkey') };
  const asked = negotiation === 'direct' || Object.values(files).some((file) => file !== undefined);
  if (mode === 'disable' && asked) throw new UrlError('sslmode=disable contradicts the other settings of TLS');
  if (mode === 'disable' || (mode === undefined && !asked)) return undefined;
  if ((files.certFile === undefined) !== (files.keyFile === undefined)) throw new UrlError('sslcert and sslkey go together');
  return { verify: mode !== 'no-verify', direct: negotiation === 'direct', ...files };
}
