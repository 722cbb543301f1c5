import { SmtpMailer } from '#libs/mail/smtp-mailer.ts';
import { broken, type Check, holds } from '../check.ts';

const ANSWER_MS = 10_000;

/** That the mail server takes our connection and our login. Nothing is sent. */
export const mail: Check = {
  name: 'mail',
  async run({ config: { smtpUrl, mailFrom } }) {
    if (smtpUrl === undefined) return [];
    const mailer = new SmtpMailer({ url: smtpUrl, from: mailFrom, timeoutMs: ANSWER_MS });
    try {
      await mailer.verify();
      return [holds('The mail server takes the connection and the login.')];
    } catch (error) {
      return [
        broken(
          `SMTP_URL: ${error instanceof Error ? error.message : String(error)}.`,
          'Correct SMTP_URL, or start the server that it names: login codes wait in the queue and are then given up.',
        ),
      ];
    } finally {
      mailer.close();
    }
  },
};
