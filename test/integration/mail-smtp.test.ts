import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { loginCodeMail } from '#libs/mail/login-mail.ts';
import { MailError } from '#libs/mail/mailer.ts';
import { SmtpMailer } from '#libs/mail/smtp-mailer.ts';
import { type Certificate, makeCertificate } from '#test/support/certificate.ts';
import { freePort } from '#test/support/free-port.ts';
import { SmtpServer, type SmtpServerOptions } from '#test/support/smtp-server.ts';

const AUTHORITIES = getCACertificates();
const open: { stop(): Promise<void> }[] = [];
const mailers: SmtpMailer[] = [];

afterEach(async () => {
  for (const mailer of mailers.splice(0)) mailer.close();
  for (const server of open.splice(0)) await server.stop();
  setDefaultCACertificates(AUTHORITIES);
});

/** As `NODE_EXTRA_CA_CERTS` does for a process that starts. */
function trust({ cert }: Certificate): void {
  setDefaultCACertificates([...AUTHORITIES, cert]);
}

async function serve(options: SmtpServerOptions = {}): Promise<SmtpServer> {
  const server = await SmtpServer.start(options);
  open.push(server);
  return server;
}

function mailerTo(url: string, timeoutMs = 15_000): SmtpMailer {
  const mailer = new SmtpMailer({ url, from: 'parley@hub.test', timeoutMs });
  mailers.push(mailer);
  return mailer;
}

const mail = (to = 'bob@corp.test', key = 'key-1') => ({ key, to, ...loginCodeMail('aB3xY9', 10) });

async function failure(sending: Promise<void>): Promise<MailError> {
  const error = await sending.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(MailError);
  return error as MailError;
}

describe('mail over SMTP', () => {
  it('[A1] arrives, with both bodies, its Message-ID made from the key', async () => {
    const server = await serve();
    await mailerTo(server.url).send(mail());
    const got = await server.next('bob@corp.test');
    expect(got).toMatchObject({ from: 'parley@hub.test', to: ['bob@corp.test'], code: 'aB3xY9' });
    expect(got.headers.get('message-id')).toBe('<key-1@hub.test>');
    expect(got.headers.get('from')).toBe('Parley <parley@hub.test>');
    expect(got.headers.get('to')).toBe('bob@corp.test');
    expect(got.headers.get('auto-submitted')).toBe('auto-generated');
    expect(got.html).toContain('<strong>aB3xY9</strong>');
  });

  it('a login is given where there is one; a wrong one is no fault of the mail', async () => {
    const server = await serve({ login: { user: 'parley@hub', password: 'p:w/d' } });
    await mailerTo(server.url).send(mail());
    expect(server.mails).toHaveLength(1);
    const wrong = await failure(mailerTo(`smtp://parley%40hub:nope@127.0.0.1:${server.port}`).send(mail()));
    expect(wrong).toMatchObject({ permanent: false, message: 'mail not accepted: EAUTH 535' });
    const none = await failure(mailerTo(`smtp://127.0.0.1:${server.port}`).send(mail()));
    expect(none.permanent).toBe(false);
  });

  it.each(['secure', 'starttls'] as const)('a login and a mail go over TLS (%s), and to no stranger', async (tls) => {
    const options = { tls, certificate: makeCertificate(), login: { user: 'parley', password: 'p' } };
    const server = await serve(options);
    const error = await failure(mailerTo(server.url).send(mail()));
    expect(error).toMatchObject({
      permanent: false,
      message: expect.stringMatching(/^mail not accepted: E(SOCKET|TLS), certificate of an unknown authority$/),
    });
    expect(server.logins).toBe(0);
    trust(options.certificate);
    await mailerTo(server.url).send(mail());
    expect(server.mails).toMatchObject([{ encrypted: true }]);
  });

  it('a login is not given to a server without TLS, but on this machine', async () => {
    const server = await serve({ login: { user: 'parley', password: 'p' } });
    // For Linux 0.0.0.0 is this machine, too; nothing says so but the connection.
    const error = await failure(mailerTo(`smtp://parley:p@0.0.0.0:${server.port}`).send(mail()));
    expect(error).toMatchObject({ permanent: false, message: 'mail not accepted: ETLS 500' });
    expect(server.logins).toBe(0);
    await mailerTo(`smtp://parley:p@localhost:${server.port}`).send(mail());
    expect(server.mails).toMatchObject([{ encrypted: false }]);
  });

  it('4yz can be tried again, 5yz cannot, and neither repeats what the server said', async () => {
    const server = await serve();
    const mailer = mailerTo(server.url);
    server.defer(1);
    expect(await failure(mailer.send(mail()))).toMatchObject({ permanent: false, message: 'mail not accepted: EENVELOPE 451' });
    await mailer.send(mail());
    server.refuse('recipient');
    expect(await failure(mailer.send(mail()))).toMatchObject({ permanent: true, message: 'mail not accepted: EENVELOPE 550' });
    server.refuse('data');
    expect(await failure(mailer.send(mail()))).toMatchObject({ permanent: true, message: 'mail not accepted: EMESSAGE 550' });
    server.accept();
    await mailer.send(mail());
    expect(server.mails).toHaveLength(2);
  });

  it('a connection cut off, a server that is away or silent: can be tried again', async () => {
    const server = await serve();
    const mailer = mailerTo(server.url, 1000);
    server.hangUp(1);
    expect((await failure(mailer.send(mail()))).permanent).toBe(false);
    await mailer.send(mail());
    await server.goAway();
    expect((await failure(mailer.send(mail()))).permanent).toBe(false);
    await server.comeBack();
    await mailer.send(mail());
    expect(server.mails).toHaveLength(2);
  });

  it('the cause of a connection that fails is told, without an address', async () => {
    const certificate = makeCertificate('DNS:other.test');
    const stranger = await serve({ tls: 'secure', certificate });
    trust(certificate);
    const plain = await serve();
    const cases = [
      [`smtp://127.0.0.1:${await freePort()}`, 'connection refused'],
      [`smtps://127.0.0.1:${await freePort()}`, 'connection refused'],
      ['smtp://no-such-host.invalid', 'no such host name|host name not resolved'],
      [stranger.url, 'certificate is for another name'],
      [`smtps://localhost:${plain.port}`, 'no TLS spoken at this port'],
    ] as const;
    for (const [url, cause] of cases) {
      const error = await failure(mailerTo(url, 5000).send(mail()));
      expect(error.message).toMatch(new RegExp(`^mail not accepted: E[A-Z]+, (${cause})$`));
      expect(error.permanent).toBe(false);
    }
  });

  it('[A1] an address that got past the check before is not sent to', async () => {
    const server = await serve();
    for (const to of [
      'eve@evil.test, bob@corp.test',
      'bob@corp.test>\r\nRCPT TO:<eve@evil.test',
      '"eve@evil.test x"@corp.test',
      'Bob <bob@corp.test>',
    ]) {
      expect((await failure(mailerTo(server.url).send(mail(to)))).permanent).toBe(true);
    }
    expect(server.attempts).toBe(0);
  });

  it('refuses what is no mail server, without repeating it', () => {
    for (const url of ['http://user:hunter2@host', 'smtp://', 'nothing']) {
      expect(() => mailerTo(url)).toThrow(TypeError);
      expect(() => mailerTo(url)).not.toThrow(/hunter2/);
    }
  });
});
