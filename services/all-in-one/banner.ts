/** The text of `npm start` for the person at the terminal: the addresses of the pages. */
import type { Config } from '#libs/config/config.ts';
import { isThisMachine } from '#libs/config/public-url.ts';

/** The ports in use, and the key of this start. */
export interface Started {
  readonly port: number;
  readonly adminPort: number;
  readonly localKey: {
    /** Whether the key opens anything. */
    readonly opens: boolean;
    /** The address of a page, with the key. */
    linkTo(page: string): string;
  };
}

type BannerConfig = Pick<Config, 'host' | 'adminHost' | 'publicUrl' | 'redisUrl' | 'smtpUrl' | 'adminPassword'>;

/**
 * Returns a line for each page with its address, as a browser on this machine reaches it, or as
 * everybody does if `PUBLIC_URL` is set. The chat's address contains the key that opens the
 * mailbox. The address of the admin pages contains it if they have no password.
 */
export function banner({ host, adminHost, publicUrl, redisUrl, smtpUrl, adminPassword }: BannerConfig, started: Started): string {
  const here = `http://${hostOf(host)}:${started.port}`;
  const elsewhere = publicUrl !== undefined && !isThisMachine(new URL(publicUrl).hostname);
  const hub = elsewhere ? publicUrl : here;
  const { localKey } = started;
  const mailbox = smtpUrl === undefined && localKey.opens && isThisMachine(hostOf(host));
  const admin = `http://${hostOf(adminHost)}:${started.adminPort}/admin/`;
  const adminOpens = localKey.opens && isThisMachine(hostOf(adminHost));
  const pages = [
    ['chat', mailbox ? localKey.linkTo(`${hub}/`) : `${hub}/`],
    ['agents', `${hub}/agent`],
    ['HTTP API', `${hub}/docs`],
    ['admin', adminPassword !== undefined ? admin : adminOpens ? localKey.linkTo(admin) : `set ADMIN_PASSWORD to open ${admin}`],
  ].map(([name = '', address = '']) => `    ${name.padEnd(10)}${address}\n`);
  const mail = mailbox
    ? ' Mail is shown here and at /dev/mailbox, which the link to the chat opens.'
    : smtpUrl === undefined
      ? ' Mail is shown here.'
      : '';
  const others = redisUrl === undefined ? 'alone' : 'joined to the others over Redis';
  return `\n  Parley is at ${hub} — ${others}.${mail} Ctrl+C ends it.\n\n${pages.join('')}\n`;
}

/** The name by which a browser on this machine reaches a host. */
function hostOf(host: string | undefined): string {
  if (host === undefined || host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
