const THIS_MACHINE = /^(?:(?:[a-z0-9-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[?::1\]?|\[?::ffff:127(?:\.\d{1,3}){3}\]?)$/i;

/**
 * Whether a host name or address, without a port, always leads to the machine itself: `localhost` and names below it (RFC 6761, section 6.3), 127.0.0.0/8, `::1`
 * with or without brackets.
 */
export function isThisMachine(host: string): boolean {
  return THIS_MACHINE.test(host);
}
/** Origins of pages (RFC 6454), written as browsers write them in the header `Origin`. */

const SHELL = /^([a-z][a-z0-9+.-]*):\/\/([a-z0-9._-]+(?::\d{1,5})?)\/?$/i;
/** Pages of these schemes have no origin of their own, or there are no pages of them. */
const NO_PAGES: ReadonlySet<string> = new Set(['file', 'data', 'blob', 'about', 'javascript', 'filesystem', 'ws', 'wss', 'ftp']);

/**
 * The origin that a text names, normalised: lower case, a default port left out. `https://Chat.Example:443/` is `https://chat.example`; an app shell's
 * `capacitor://localhost` is itself. Undefined if the text is no origin, or names nobody: `null`.
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

/** Why a text is no origin, as a clause that follows its quotation. */
export function whyNoOrigin(text: string): string {
  if (text === '') return 'is empty';
  if (text === 'null' || /^file:/i.test(text)) {
    return 'names nobody: every page of a file and every sandboxed frame sends null. Serve the page over https, or from a scheme of the app';
  }
  if (text.includes('*')) return 'has a wildcard: name each origin, or take * alone for any';
  if (/^wss?:/i.test(text)) return 'is no address of a page: write http or https in place of ws or wss';
  if (!text.includes('://')) return 'has no scheme such as https://';
  return 'is more than a scheme, a host and a port, or less';
}

/**
 * Whether a page of `origin` asked the host that its address bar has. `host`: as in the header `Host`, with or without a port. A port that is the default of
 * http or https counts as none where the page's address has none: a proxy ends TLS on one port and names another (`Host $host:$server_port`).
 */
export function isOriginOfHost(origin: string, host: string): boolean {
  const name = origin.slice(origin.indexOf('://') + 3);
  const asked = host.toLowerCase();
  if (!/^https?:\/\//.test(origin) || asked === '') return false;
  if (asked === name) return true;
  const port = /:(?:80|443)$/.exec(asked)?.[0];
  return port !== undefined && asked.slice(0, -port.length) === name;
}
/** `PUBLIC_URL`, taken apart. It has no slash at its end: `https://chat.example` or `https://example.com/chat`. */

/** First parts of the addresses that the hub serves over HTTP. */
const OWN =
  /^\/(?:$|[?#]|(?:agent|docs|api|assets|dev|\.well-known)(?:[/?#]|$)|(?:widget\.html|widget\.js|favicon\.svg|mailbox\.css)(?:[?#]|$))/;

/** The path the hub lives under, `/chat` of `https://example.com/chat`; empty where it has a host of its own. */
export function basePath(publicUrl: string | undefined): string {
  return publicUrl === undefined ? '' : new URL(publicUrl).pathname.replace(/\/$/, '');
}

/**
 * The path (and query) of a request as the hub knows it. A proxy in front of a hub under a path may pass the path on or take it off: below `base`, both
 * `/chat/api/v1/online` and `/api/v1/online` are the latter. `base` itself stays as it is.
 *
 * @param isOwn Whether the hub serves a path. Only such a one is taken out of `base`: below `/docs`, `/docs/docs.css` is a file of the page `/docs`.
 */
export function withoutBase(url: string, base: string, isOwn: (url: string) => boolean = (rest) => OWN.test(rest)): string {
  if (base === '' || !url.startsWith(`${base}/`)) return url;
  const rest = url.slice(base.length);
  return isOwn(rest) ? rest : url;
}

/**
 * What the names of the hub's cookies end with, made of port and path: `_8443`, `+chat`, `_8443+a+b`; empty where `PUBLIC_URL` has neither. Cookies know no
 * ports, and those of `/` are sent to `/chat`, too: hubs of one host name would take each other's.
 */
export function cookieSuffix(publicUrl: string | undefined): string {
  if (publicUrl === undefined) return '';
  const { port } = new URL(publicUrl);
  return `${port === '' ? '' : `_${port}`}${basePath(publicUrl).replaceAll('/', '+')}`;
}

/** Half a year, as the value of `Strict-Transport-Security` (RFC 6797). */
const HALF_A_YEAR = 'max-age=15552000';

/** What every answer of the public port has as `Strict-Transport-Security`; undefined if people come over http. */
export function transportSecurity(publicUrl: string | undefined): string | undefined {
  return publicUrl?.startsWith('https:') ? HALF_A_YEAR : undefined;
}
