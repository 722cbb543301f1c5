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
