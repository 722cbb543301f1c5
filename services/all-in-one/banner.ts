/** What `npm start` tells the person in front of the terminal: where the pages are. */
import type { Config } from '#libs/config/config.ts';
import { isThisMachine } from '#libs/config/origin.ts';

/** The ports that were taken, and the key of this start. */
export interface Started {
  readonly port: number;
  readonly adminPort: number;
  readonly localKey: {
    /** Whether it opens anything. */
    readonly opens: boolean;
    /** The address of a page with the key. */
    linkTo(page: string): string;
  };
}

type BannerConfig = Pick<Config, 'host' | 'adminHost' | 'publicUrl' | 'redisUrl' | 'smtpUrl' | 'adminPassword'>;

/**
 * Lines of text that name each page with its address, as a browser on this machine reaches it, or people everywhere where `PUBLIC_URL` is set. The chat's address
 * has the key that opens the mailbox; that of the admin pages has it where they have no password.
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

/** How a browser on this machine gets there. */
function hostOf(host: string | undefined): string {
  if (host === undefined || host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
