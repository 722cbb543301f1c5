/** Parses URLs of backends strictly: every unknown part is refused, none is ignored. */

/**
 * A URL is refused. The message completes "REDIS_URL takes ...: ". It never has the user, the
 * password or the value of a parameter.
 */
export class UrlError extends TypeError {
  override readonly name = 'UrlError';
}

/** A host with its port. */
export interface HostAndPort {
  /**
   * A name, an address without brackets, or the folder of a Unix socket if the URL may name one.
   */
  readonly host: string;
  readonly port: number;
}

/** The parts of a URL, decoded. */
export interface UrlParts {
  /** In lower case, without `://`. */
  readonly scheme: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Empty if the URL names no host. */
  readonly hosts: readonly HostAndPort[];
  /** The parts of the path, decoded, without empty ones. */
  readonly path: readonly string[];
  /** The parameters by name. Each may stand in the URL only once. */
  readonly params: ReadonlyMap<string, string>;
}

const FORM = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?$/i;
const HOST = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+|%2f[a-z0-9._%-]*))(?::(\d{1,5}))?$/i;
/**
 * The pattern of a parameter's name in messages. Any other name may be a piece of a password, so
 * that no message repeats it.
 */
const PARAMETER = /^[a-z][a-z_]{0,30}$/i;

/**
 * Splits `scheme://[user:password@]host[:port],.../path?name=value` (RFC 3986, with several hosts
 * as in libpq).
 *
 * @param defaultPort Returns the default port of a scheme; undefined for an unknown scheme.
 * @throws UrlError that tells a person who sees the URL how to correct it.
 */
export function splitUrl(text: string, defaultPort: (scheme: string) => number | undefined): UrlParts {
  // The URL parser of browsers silently removes some whitespace and control characters.
  if (/[\p{Cc}\p{Z}]/u.test(text)) throw new UrlError('a URL has no spaces and no control characters');
  const match = FORM.exec(text);
  if (text.includes('#')) throw new UrlError('a # in a user, password or parameter is written %23');
  const [, scheme = '', authority = '', path = '', query = ''] = match ?? [];
  const port = defaultPort(scheme.toLowerCase());
  if (match === null || port === undefined) throw new UrlError('it does not start with such a scheme');
  const at = authority.lastIndexOf('@');
  const userinfo = authority.slice(0, Math.max(at, 0));
  if (`${userinfo}${path}${query}`.includes('@')) throw new UrlError('an @, / or ? in a user or password is written %40, %2F or %3F');
  const hosts = authority.slice(at + 1);
  const colon = userinfo.indexOf(':');
  return {
    scheme: scheme.toLowerCase(),
    username: decoded(colon < 0 ? userinfo : userinfo.slice(0, colon), 'the user') || undefined,
    password: colon < 0 ? undefined : decoded(userinfo.slice(colon + 1), 'the password') || undefined,
    hosts: hosts === '' ? [] : hosts.split(',').map((host) => parseHost(host, port)),
    path: path
      .split('/')
      .filter((part) => part !== '')
      .map((part) => decoded(part, 'the path')),
    params: parseQuery(query),
  };
}

/**
 * Returns the value of a parameter that must be one of `choices`; undefined if it is absent.
 *
 * @throws UrlError for any other value.
 */
export function wordOf<const T extends string>(params: ReadonlyMap<string, string>, name: string, ...choices: readonly T[]): T | undefined {
  const value = params.get(name);
  if (value === undefined) return undefined;
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw new UrlError(`${name} takes ${choices.join(' or ')}`);
  return found;
}

/**
 * Refuses parameters that are not in `known`.
 *
 * @param hints By the name of an unknown parameter: the correct form.
 * @throws UrlError
 */
export function refuseOthers(
  params: ReadonlyMap<string, string>,
  known: readonly string[],
  hints: Readonly<Record<string, string>> = {},
): void {
  for (const name of params.keys()) {
    if (known.includes(name)) continue;
    if (!PARAMETER.test(name)) throw new UrlError('a parameter is not known');
    const hint = Object.hasOwn(hints, name) ? `: ${hints[name]}` : known.length === 0 ? '' : `, only ${known.join(', ')}`;
    throw new UrlError(`the parameter ${name} is not known${hint}`);
  }
}

function parseHost(text: string, defaultPort: number): HostAndPort {
  const match = HOST.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? defaultPort);
  if (host === undefined || port < 1 || port > 65_535)
    throw new UrlError('each host is a name or an address, with :port from 1 to 65535 where it is not the usual one');
  return { host: decoded(host, 'the host'), port };
}

function parseQuery(query: string): ReadonlyMap<string, string> {
  const params = new Map<string, string>();
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decoded(equals < 0 ? pair : pair.slice(0, equals), 'a parameter');
    if (params.has(name)) throw new UrlError(PARAMETER.test(name) ? `the parameter ${name} is given twice` : 'a parameter is given twice');
    params.set(name, equals < 0 ? '' : decoded(pair.slice(equals + 1), 'a parameter'));
  }
  return params;
}

function decoded(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new UrlError(`${what} has a % that begins no character: a % itself is written %25`);
  }
}
