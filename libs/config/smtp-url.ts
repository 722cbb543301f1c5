/** Parses `SMTP_URL`. */
import { refuseOthers, splitUrl, UrlError } from './url.ts';

/** A mail server. */
export interface SmtpTarget {
  readonly host: string;
  readonly port: number;
  readonly login: { readonly user: string; readonly pass: string } | undefined;
  /** TLS from the first byte. */
  readonly tls: boolean;
}

const PORTS: Readonly<Record<string, number>> = { smtp: 587, smtps: 465 };
const TLS_HINT = 'TLS is smtps in place of smtp, or STARTTLS by itself';
const LOGIN_HINT = 'write it before the host, user:password@host';
const HINTS = { secure: TLS_HINT, tls: TLS_HINT, ssl: TLS_HINT, user: LOGIN_HINT, password: LOGIN_HINT, pass: LOGIN_HINT };

/**
 * Parses `smtp://[user:password@]host[:587]` or `smtps://[user:password@]host[:465]`.
 *
 * @throws UrlError
 */
export function parseSmtpUrl(url: string): SmtpTarget {
  const { scheme, username, password, hosts, path, params } = splitUrl(url, (name) =>
    Object.hasOwn(PORTS, name) ? PORTS[name] : undefined,
  );
  const [server] = hosts;
  if (server === undefined || server.host.startsWith('/')) throw new UrlError('it names no host');
  if (hosts.length > 1) throw new UrlError('it may name only one host');
  if (path.length > 0) throw new UrlError('nothing may follow the host and its port');
  if ((username === undefined) !== (password === undefined)) throw new UrlError('user and password go together');
  refuseOthers(params, [], HINTS);
  const login = username === undefined || password === undefined ? undefined : { user: username, pass: password };
  return { ...server, login, tls: scheme === 'smtps' };
}
