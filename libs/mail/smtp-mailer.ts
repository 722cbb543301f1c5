/** The only importer of nodemailer. */

import { createTransport } from 'nodemailer';
import { parseSmtpUrl } from '#libs/config/smtp-url.ts';
import { MailError, type Mailer, type OutgoingMail, toMailAddress } from './mailer.ts';

/**
 * Reasons why a mail server cannot be used, in our own words: texts of errors and servers may
 * contain an address. nodemailer's error has a code, and the text of the layer that failed. The
 * first match is the cause.
 */
const CAUSES: readonly (readonly [RegExp, string])[] = [
  [/\bECONNREFUSED\b/, 'connection refused'],
  [/\bENOTFOUND\b|\bENODATA\b/, 'no such host name'],
  [/\bEAI_AGAIN\b|\bESERVFAIL\b|\bETIMEOUT\b/, 'host name not resolved'],
  [/\bEHOSTUNREACH\b|\bENETUNREACH\b|\bEADDRNOTAVAIL\b/, 'no route to the host'],
  [/\bECONNRESET\b|\bEPIPE\b/, 'connection cut off'],
  [/\bETIMEDOUT\b|\btime(d )?out\b|never received/i, 'no answer in time'],
  [/altnames/i, 'certificate is for another name'],
  [/certificate has expired/i, 'certificate has expired'],
  [/certificate is not yet valid/i, 'certificate is not valid yet'],
  [/self[- ]signed certificate/i, 'certificate of an unknown authority'],
  [/unable to (get|verify)|unable to get local issuer|certificate/i, 'certificate not trusted'],
  [/wrong version number|packet length too long|SSL routines|ssl3_/i, 'no TLS spoken at this port'],
  [/closed|disconnected/i, 'connection closed'],
];

/** The cause of an error without a reply of the server. Undefined if it is not known. */
function mailCause(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const own = CAUSES.find(([pattern]) => pattern.test(error.message))?.[1];
  if (own !== undefined) return own;
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : error.cause;
  return inner === undefined ? undefined : mailCause(inner);
}

/** The mail server, and the sender. */
export interface SmtpMailerOptions {
  /**
   * `smtp://[user:password@]host[:port]`: uses STARTTLS if the server offers it; sends a password
   * only with STARTTLS, or to this machine. `smtps://`: TLS from the first byte. Parts are
   * percent-encoded. Certificates are checked against the authorities that Node trusts.
   */
  readonly url: string;
  /** The sender's address, `local@domain`. */
  readonly from: string;
  /** Milliseconds of silence after which a connection counts as dead. Default 15,000. */
  readonly timeoutMs?: number;
}

const CONNECTIONS = 5;
const MAILS_A_CONNECTION = 100;
const NAME = 'Parley';
/** This machine's own addresses: nobody can listen in between. */
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/i;

/**
 * Replies about the hub's own login, not about the mail: an operator can fix the cause (RFC 4954,
 * section 6).
 */
const LOGIN_REPLIES = new Set([530, 534, 535, 538]);

/**
 * Sends mail through a mail server, over a few pooled connections. Never retries, and logs nothing.
 */
export class SmtpMailer implements Mailer {
  readonly #transport: ReturnType<typeof openTransport>;
  readonly #from: string;

  /**
   * Connects at the first mail.
   * @throws TypeError for a bad URL; the message does not contain it.
   */
  constructor(options: SmtpMailerOptions) {
    this.#transport = openTransport(options);
    this.#from = options.from;
  }

  async send(mail: OutgoingMail): Promise<void> {
    if (toMailAddress(mail.to) !== mail.to) throw new MailError('mail not accepted: not an address', true);
    const recipient = { name: '', address: mail.to };
    const domain = this.#from.slice(this.#from.lastIndexOf('@') + 1);
    try {
      await this.#transport.sendMail({
        messageId: `<${mail.key}@${domain}>`,
        // Addresses as objects, and an explicit envelope: nodemailer parses no text, in which a
        // list could hide.
        from: { name: NAME, address: this.#from },
        to: [recipient],
        envelope: { from: { name: '', address: this.#from }, to: [recipient] },
        subject: mail.subject,
        text: mail.text,
        html: mail.html,
        headers: { 'Auto-Submitted': 'auto-generated' },
      });
    } catch (error) {
      throw toMailError(error);
    }
  }

  /**
   * Connects and logs in without sending anything. Rejects with `MailError` if that fails.
   */
  async verify(): Promise<void> {
    try {
      await this.#transport.verify();
    } catch (error) {
      throw toMailError(error);
    }
  }

  close(): void {
    this.#transport.close();
  }
}

function openTransport({ url, timeoutMs = 15_000 }: SmtpMailerOptions) {
  const { host, port, login, tls } = parseSmtpUrl(url);
  return createTransport({
    pool: true,
    maxConnections: CONNECTIONS,
    maxMessages: MAILS_A_CONNECTION,
    // The queue retries. Two layers of retries would be too many.
    maxRequeues: 0,
    host,
    port,
    secure: tls,
    ...(login && { auth: login, requireTLS: !LOOPBACK.test(host) }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
    logger: false,
  });
}

function toMailError(error: unknown): MailError {
  const { code, responseCode } = error as { readonly code?: unknown; readonly responseCode?: unknown };
  const kind = typeof code === 'string' ? code : 'failed';
  if (typeof responseCode !== 'number') {
    const cause = mailCause(error);
    return new MailError(`mail not accepted: ${kind}${cause === undefined ? '' : `, ${cause}`}`, kind === 'EENVELOPE');
  }
  // A 5yz reply before the mail (to the greeting, the login) is about the connection.
  const aboutMail = kind === 'EENVELOPE' || kind === 'EMESSAGE';
  const permanent = aboutMail && responseCode >= 500 && !LOGIN_REPLIES.has(responseCode);
  return new MailError(`mail not accepted: ${kind} ${responseCode}`, permanent);
}
