import { createHash } from 'node:crypto';
import { failPoint } from '#libs/config/fail-point.ts';
import { JobError, type JobHandler } from '#libs/jobs/jobs.ts';
import { loginCodeMail, type MailSeal } from '#libs/mail/login-mail.ts';
import { MailError, type Mailer } from '#libs/mail/mailer.ts';
import type { Logger } from '#libs/telemetry/logger.ts';

export interface MailProcessorOptions {
  readonly mailer: Mailer;
  readonly seal: MailSeal;
  readonly log: Logger;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** A1. Said in the mail; how long a code really is good stands in the sealed part. */
const CODE_MINUTES = 10;

/** Sends login codes (A1). Sent at least once: a retry has the same Message-ID, by which mailboxes know it again. Drops what is for nobody, and what is over. */
export function mailProcessor({ mailer, seal, log, now }: MailProcessorOptions): JobHandler<'mail'> {
  return async ({ id, payload }) => {
    const mail = seal.open(id, payload.sealed);
    if (mail === undefined) throw new JobError('queued mail cannot be opened: was it sealed with another JWT_SECRET?', { permanent: true });
    if (mail.to === '') return undefined;
    if (mail.expiresAt <= now()) {
      log.warn({ job: id }, 'mail with a code that is over, not sent');
      return undefined;
    }
    try {
      await mailer.send({ key: messageKey(id), to: mail.to, ...loginCodeMail(mail.code, CODE_MINUTES) });
    } catch (error) {
      if (error instanceof MailError) throw new JobError(error.message, { permanent: error.permanent });
      throw error;
    }
    failPoint('after-mail-sent');
    return undefined;
  };
}

/** The job's id itself stays inside. */
function messageKey(jobId: string): string {
  return createHash('sha256').update(jobId).digest('base64url').slice(0, 32);
}
