import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import type { Certificate } from './certificate.ts';
import { until } from './wait.ts';

/** A received mail. */
export interface ReceivedMail {
  /** The sender of the envelope. */
  readonly from: string;
  readonly to: readonly string[];
  /** Lower-case names; unfolded. */
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
  readonly html: string;
  /** The login code, which stands alone on a line of the text. Empty if there is none. */
  readonly code: string;
  /** The mail as received. */
  readonly raw: string;
  /** Whether it came over TLS. */
  readonly encrypted: boolean;
}

/** Options of `SmtpServer`. */
export interface SmtpServerOptions {
  readonly port?: number;
  /** The login that it demands. */
  readonly login?: { readonly user: string; readonly password: string };
  /**
   * `secure`: TLS from the first byte. `starttls`: TLS after the client asks for it. Default: none.
   */
  readonly tls?: 'secure' | 'starttls';
  /** Default: one that no client trusts. */
  readonly certificate?: Certificate;
}

interface Trouble {
  left: number;
  readonly at: 'recipient' | 'data' | 'hang-up';
  readonly code: number;
}

/** A real mail server on 127.0.0.1. It keeps its mails, and can be told to refuse. */
export class SmtpServer {
  readonly port: number;
  readonly mails: ReceivedMail[] = [];
  /** The number of attempted mails, refused ones included. */
  attempts = 0;
  /** The number of attempted logins. */
  logins = 0;
  /** Called with the received text of each begun mail. */
  onText: ((raw: string) => void) | undefined;
  /** The server answers a mail after this has resolved. */
  hold: (() => Promise<void>) | undefined;
  readonly #options: SmtpServerOptions;
  #server: SMTPServer;
  #trouble: Trouble | undefined;

  private constructor(server: SMTPServer, port: number, options: SmtpServerOptions) {
    this.#server = server;
    this.port = port;
    this.#options = options;
  }

  static async start(options: SmtpServerOptions = {}): Promise<SmtpServer> {
    const holder: { smtp?: SmtpServer } = {};
    const server = build(options, () => holder.smtp);
    const port = await listen(server, options.port ?? 0);
    const smtp = new SmtpServer(server, port, options);
    holder.smtp = smtp;
    return smtp;
  }

  get url(): string {
    const { login, tls } = this.#options;
    const user = login === undefined ? '' : `${encodeURIComponent(login.user)}:${encodeURIComponent(login.password)}@`;
    return `${tls === 'secure' ? 'smtps' : 'smtp'}://${user}127.0.0.1:${this.port}`;
  }

  /** Answers `451` to this many next mails. */
  defer(times: number): void {
    this.#trouble = { left: times, at: 'recipient', code: 451 };
  }

  /** Answers `550` to every mail until `accept`. */
  refuse(at: 'recipient' | 'data' = 'recipient'): void {
    this.#trouble = { left: Number.POSITIVE_INFINITY, at, code: 550 };
  }

  /** Cuts the connection before the answer to the text, for this many next mails. */
  hangUp(times: number): void {
    this.#trouble = { left: times, at: 'hang-up', code: 0 };
  }

  accept(): void {
    this.#trouble = undefined;
  }

  /** Stops listening until `comeBack`. */
  async goAway(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.cutOff();
    await closed;
  }

  async comeBack(): Promise<void> {
    this.#server = build(this.#options, () => this);
    await listen(this.#server, this.port);
  }

  /** Returns the first mail to this address that was not returned before. */
  async next(to: string, timeoutMs = 20_000): Promise<ReceivedMail> {
    return until(
      () => {
        const index = this.mails.findIndex((mail) => mail.to.some((one) => one.toLowerCase() === to.toLowerCase()));
        return index < 0 ? undefined : this.mails.splice(index, 1)[0];
      },
      { timeoutMs, describe: () => `a mail to ${to}; ${this.mails.length} others are there` },
    );
  }

  async stop(): Promise<void> {
    await this.goAway();
  }

  /** Ends every connection now. */
  cutOff(): void {
    for (const connection of this.#server.connections) connection.close();
  }

  /** For the server's hooks: returns the refusal at this point, if there is one. */
  refusal(at: Trouble['at']): Error | undefined {
    const trouble = this.#trouble;
    if (trouble === undefined || trouble.at !== at || trouble.left <= 0) return undefined;
    trouble.left--;
    return Object.assign(new Error('not now <somebody@example.test>'), { responseCode: trouble.code });
  }
}

function build(options: SmtpServerOptions, owner: () => SmtpServer | undefined): SMTPServer {
  const { login, tls, certificate } = options;
  return new SMTPServer({
    secure: tls === 'secure',
    ...(certificate && { cert: certificate.cert, key: certificate.key }),
    authOptional: login === undefined,
    disabledCommands: [...(tls === undefined ? ['STARTTLS'] : []), ...(login === undefined ? ['AUTH'] : [])],
    allowInsecureAuth: true,
    disableReverseLookup: true,
    logger: false,
    onAuth: ({ username, password }, _session, done) => {
      const smtp = owner();
      if (smtp !== undefined) smtp.logins++;
      if (username === login?.user && password === login?.password) done(null, { user: username ?? '' });
      else done(Object.assign(new Error('who are you'), { responseCode: 535 }));
    },
    onRcptTo: (_address, _session, done) => {
      const smtp = owner();
      if (smtp !== undefined) smtp.attempts++;
      done(smtp?.refusal('recipient') ?? null);
    },
    onData: (stream, session, done) => {
      const smtp = owner();
      const chunks: Buffer[] = [];
      const hangUp = smtp?.refusal('hang-up') !== undefined;
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        smtp?.onText?.(Buffer.concat(chunks).toString('utf8'));
        // The server has read everything, and the sender cannot know it.
        if (hangUp) {
          smtp?.cutOff();
          return;
        }
        const refusal = smtp?.refusal('data');
        if (refusal !== undefined) {
          done(refusal);
          return;
        }
        const { mailFrom, rcptTo } = session.envelope;
        const to = rcptTo.map(({ address }) => address);
        const keep = (): void => {
          const from = mailFrom === false ? '' : mailFrom.address;
          smtp?.mails.push({ ...parseMail(from, to, Buffer.concat(chunks).toString('utf8')), encrypted: session.secure });
          done();
        };
        if (smtp?.hold === undefined) keep();
        else void smtp.hold().then(keep);
      });
    },
  });
}

function listen(server: SMTPServer, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      // A client that leaves early is no failure of the server.
      server.on('error', () => undefined);
      resolve((server.server.address() as AddressInfo).port);
    });
  });
}

function parseMail(from: string, to: readonly string[], raw: string): Omit<ReceivedMail, 'encrypted'> {
  const headers = parseHeaders(raw.slice(0, raw.indexOf('\r\n\r\n')));
  const parts = bodies(raw);
  const text = parts.get('text/plain') ?? '';
  return { from, to, headers, text, html: parts.get('text/html') ?? '', code: /^([0-9A-Za-z]{6})\s*$/m.exec(text)?.[1] ?? '', raw };
}

function parseHeaders(head: string): Map<string, string> {
  const lines = head.replace(/\r\n[ \t]+/g, ' ').split('\r\n');
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
}

/** Returns the bodies of a mail, decoded, by their type. */
function bodies(entity: string): Map<string, string> {
  const end = entity.indexOf('\r\n\r\n');
  const headers = parseHeaders(entity.slice(0, end));
  const body = entity.slice(end + 4);
  const type = headers.get('content-type') ?? 'text/plain';
  const boundary = /boundary="?([^";]+)"?/.exec(type)?.[1];
  if (boundary === undefined) return new Map([[type.split(';')[0] ?? '', decode(body, headers.get('content-transfer-encoding') ?? '')]]);
  const parts = body.split(`--${boundary}`).slice(1, -1);
  return new Map(parts.flatMap((part) => [...bodies(part.replace(/^\r\n/, ''))]));
}

function decode(body: string, encoding: string): string {
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8');
  if (encoding !== 'quoted-printable') return body;
  const text = body.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(text, 'latin1').toString('utf8');
}
