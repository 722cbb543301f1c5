/** What `npm start` tells the person in front of the terminal: where the pages are. */

/** What a banner is made of. */
export interface BannerParts {
  /** `HOST` and `ADMIN_HOST`. */
  readonly host: string | undefined;
  readonly adminHost: string | undefined;
  /** The ports that were taken. */
  readonly port: number;
  readonly adminPort: number;
  /** Whether the node is joined to others over Redis. */
  readonly joined: boolean;
  /** Whether mail is shown in place of being sent. */
  readonly mailbox: boolean;
}

/** Lines of text that name each page with its address, as a browser on this machine reaches it. */
export function banner({ host, adminHost, port, adminPort, joined, mailbox }: BannerParts): string {
  const hub = `http://${hostOf(host)}:${port}`;
  const pages = [
    ['chat', `${hub}/`],
    ['agents', `${hub}/agent`],
    ['HTTP API', `${hub}/docs`],
    ['admin', `http://${hostOf(adminHost)}:${adminPort}/admin/`],
    ...(mailbox ? [['mail', `${hub}/dev/mailbox`]] : []),
  ].map(([name = '', address = '']) => `    ${name.padEnd(10)}${address}\n`);
  const mail = mailbox ? ' Mail is shown here and at /dev/mailbox.' : '';
  return `\n  Parley is at ${hub} — ${joined ? 'joined to the others over Redis' : 'alone'}.${mail} Ctrl+C ends it.\n\n${pages.join('')}\n`;
}

/** How a browser on this machine gets there. */
function hostOf(host: string | undefined): string {
  if (host === undefined || host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
