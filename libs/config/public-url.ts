/** Addresses of the hub and of pages: this machine, origins (RFC 6454) and `PUBLIC_URL`. */

const THIS_MACHINE = /^(?:(?:[a-z0-9-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[?::1\]?|\[?::ffff:127(?:\.\d{1,3}){3}\]?)$/i;

/**
 * Whether a host name or address, without a port, always leads to this machine: `localhost` and
 * names below it (RFC 6761, section 6.3), 127.0.0.0/8, and `::1` with or without brackets.
 */
export function isThisMachine(host: string): boolean {
  return THIS_MACHINE.test(host);
}

const SHELL = /^([a-z][a-z0-9+.-]*):\/\/([a-z0-9._-]+(?::\d{1,5})?)\/?$/i;
/** Schemes whose pages have no origin of their own, or that have no pages. */
const NO_PAGES: ReadonlySet<string> = new Set(['file', 'data', 'blob', 'about', 'javascript', 'filesystem', 'ws', 'wss', 'ftp']);

/**
 * Returns the origin that a text names, as browsers write it in the header `Origin` (RFC 6454):
 * lower case, without a default port. `https://Chat.Example:443/` becomes `https://chat.example`;
 * an app shell's `capacitor://localhost` stays as it is. Undefined if the text is no origin, or is
 * `null`.
 */
export function originOf(text: string): string | undefined {
  if (/^https?:\/\//i.test(text)) {
    const url = URL.parse(text);
    const plain = url !== null && url.pathname === '/' && !/[?#@*\\]/.test(text);
    return plain ? url.origin : undefined;
  }
  const [, scheme = '', host = ''] = SHELL.exec(text) ?? [];
  if (scheme === '' || NO_PAGES.has(scheme.toLowerCase())) return undefined;
  return `${scheme}://${host}`.toLowerCase();
}

/** Returns why a text is no origin, as a clause that follows the quoted text. */
export function whyNoOrigin(text: string): string {
  if (text === '') return 'is empty';
  if (text === 'null' || /^file:/i.test(text)) {
    return 'names no site: pages of files and sandboxed frames all send null. Serve the page over https, or from a scheme of the app';
  }
  if (text.includes('*')) return 'has a wildcard: name each origin, or take * alone for any';
  if (/^wss?:/i.test(text)) return 'is no address of a page: write http or https in place of ws or wss';
  if (!text.includes('://')) return 'has no scheme such as https://';
  return 'is more than a scheme, a host and a port, or less';
}

/**
 * Whether a page of `origin` sent its request to the host of its own address. The default port of
 * http or https counts as no port if the origin has none: a proxy may end TLS on one port and name
 * another (`Host $host:$server_port`).
 *
 * @param host As in the header `Host`, with or without a port.
 */
export function isOriginOfHost(origin: string, host: string): boolean {
  const name = origin.slice(origin.indexOf('://') + 3);
  const asked = host.toLowerCase();
  if (!/^https?:\/\//.test(origin) || asked === '') return false;
  if (asked === name) return true;
  const port = /:(?:80|443)$/.exec(asked)?.[0];
  return port !== undefined && asked.slice(0, -port.length) === name;
}

/** The first parts of the paths that the hub serves over HTTP. */
const OWN =
  /^\/(?:$|[?#]|(?:agent|docs|api|assets|dev|\.well-known)(?:[/?#]|$)|(?:widget\.html|(?:client|widget)\.js|favicon\.svg|(?:mailbox|start)\.css)(?:[?#]|$))/;

/**
 * Returns the path of the hub: `/chat` of `https://example.com/chat`. Empty if it has a host of its
 * own.
 *
 * @param publicUrl `PUBLIC_URL`, without a slash at its end.
 */
export function basePath(publicUrl: string | undefined): string {
  return publicUrl === undefined ? '' : new URL(publicUrl).pathname.replace(/\/$/, '');
}

/**
 * Returns the path (and query) of a request without the hub's own path. A proxy may pass this path
 * on or remove it. With the base `/chat`, both `/chat/api/v1/online` and `/api/v1/online` become
 * the latter. `base` itself stays as it is.
 *
 * @param isOwn Whether the hub serves a path. Only such a path is returned without `base`. Example:
 *   below `/docs`, `/docs/docs.css` is a file of the page `/docs`.
 */
export function withoutBase(url: string, base: string, isOwn: (url: string) => boolean = (rest) => OWN.test(rest)): string {
  if (base === '' || !url.startsWith(`${base}/`)) return url;
  const rest = url.slice(base.length);
  return isOwn(rest) ? rest : url;
}

/**
 * Returns the suffix of the names of the hub's cookies, made of port and path: `_8443`, `+chat`,
 * `_8443+a+b`. Empty if `PUBLIC_URL` has neither. Cookies do not distinguish ports (RFC 6265,
 * section 8.5), and those of `/` are also sent to `/chat`. Otherwise hubs of one host name would
 * read each other's cookies.
 */
export function cookieSuffix(publicUrl: string | undefined): string {
  if (publicUrl === undefined) return '';
  const { port } = new URL(publicUrl);
  return `${port === '' ? '' : `_${port}`}${basePath(publicUrl).replaceAll('/', '+')}`;
}

/** Half a year, as the value of `Strict-Transport-Security` (RFC 6797). */
const HALF_A_YEAR = 'max-age=15552000';

/**
 * Returns the value of `Strict-Transport-Security` for every answer of the public port. Undefined
 * if `PUBLIC_URL` is not https.
 */
export function transportSecurity(publicUrl: string | undefined): string | undefined {
  return publicUrl?.startsWith('https:') ? HALF_A_YEAR : undefined;
}
