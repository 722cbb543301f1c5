import type { FastifyInstance } from 'fastify';
import type { DevMailbox, KeptMail } from '#libs/mail/dev-mailbox.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { LocalKey } from '#services/api/local-key.ts';

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/**
 * The page up to the mails. Styles are a file, because the page's policy allows no inline styles.
 */
const HEAD = [
  '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
  '<meta name="color-scheme" content="light dark"><title>Mailbox — Parley</title><link rel="icon" href="../favicon.svg" type="image/svg+xml">',
  '<link rel="stylesheet" href="../mailbox.css"></head><body><main class="mailbox">',
  '<header><img src="../favicon.svg" alt="" width="40" height="40"><h1>Mailbox</h1><a href="./mailbox">Reload</a></header>',
  '<p class="hint">SMTP_URL is not set: mail is shown here, and in the terminal, instead of being sent.</p>',
].join('');

function article({ to, subject, text, at }: KeptMail): string {
  const time = new Date(at).toISOString();
  return `<article><h2>${escaped(subject)}</h2><p>To <b>${escaped(to)}</b>, <time datetime="${time}">${time.slice(11, 19)} UTC</time></p><pre>${escaped(text)}</pre></article>`;
}

/**
 * `GET /dev/mailbox`: the mails sent since the start, the newest first. With them anybody can log
 * in as anybody, so it is for trials only, and needs the key of this machine. The chat takes the
 * key from its address, `/?key=...`, and exchanges it for a cookie.
 */
export function showMailbox(app: FastifyInstance, mailbox: Pick<DevMailbox, 'list'>, localKey: LocalKey): void {
  app.addHook('onRequest', async (request, reply) => {
    if (!request.url.startsWith('/?')) return undefined;
    const root = request.originalUrl.slice(0, request.originalUrl.indexOf('?'));
    return localKey.exchange(request, reply, `${root}dev`);
  });
  app.get('/dev/mailbox', (request, reply) => {
    const refusal = localKey.refusal(request);
    if (refusal !== undefined) throw new HubError('FORBIDDEN', `${refusal} The terminal of npm start shows the mail, too.`);
    const mails = mailbox.list().map(article).join('') || '<p class="none">No mail yet.</p>';
    return reply.header('cache-control', 'no-store').type('text/html; charset=utf-8').send(`${HEAD}${mails}</main></body></html>`);
  });
}
