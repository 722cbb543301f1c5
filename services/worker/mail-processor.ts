import { createHash } from 'node:crypto';
import { failPoint } from '#libs/config/fail-point.ts';
import { JobError, type JobHandler, QUEUE_SETTINGS } from '#libs/jobs/jobs.ts';
import { loginCodeMail, type MailSeal } from '#libs/mail/login-mail.ts';
import { MailError, type Mailer } from '#libs/mail/mailer.ts';
import type { JobMetrics } from '#libs/telemetry/job-metrics.ts';
import type { Logger } from '#libs/telemetry/logger.ts';

/** Dependencies of `mailProcessor`. */
export interface MailProcessorOptions {
  readonly mailer: Mailer;
  readonly seal: MailSeal;
  readonly log: Logger;
  readonly metrics: Pick<JobMetrics, 'mailed' | 'showMails'>;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** The validity in the text of the mail (A1). The real end is in the sealed part. */
const CODE_MINUTES = 10;

/**
 * Sends login codes (A1), each at least once: a retry has the same Message-ID, by which mail
 * servers detect duplicates. Drops mails without a recipient, and expired codes.
 */
export function mailProcessor({ mailer, seal, log, metrics, now }: MailProcessorOptions): JobHandler<'mail'> {
  metrics.showMails();
  return async ({ id, payload, attempt }) => {
    const mail = seal.open(id, payload.sealed);
    if (mail === undefined) throw new JobError('queued mail cannot be opened: was it sealed with another JWT_SECRET?', { permanent: true });
    if (mail.to === '') return undefined;
    if (mail.expiresAt <= now()) {
      metrics.mailed('expired');
      log.warn({ job: id }, 'a mail is not sent: its code has expired');
      return undefined;
    }
    try {
      await mailer.send({ key: messageKey(id), to: mail.to, ...loginCodeMail(mail.code, CODE_MINUTES, mail.language) });
    } catch (error) {
      const isLast = attempt >= QUEUE_SETTINGS.mail.attempts || (error instanceof MailError && error.permanent);
      metrics.mailed(isLast ? 'failed' : 'retried');
      if (error instanceof MailError) throw new JobError(error.message, { permanent: error.permanent });
      throw error;
    }
    metrics.mailed('sent');
    failPoint('after-mail-sent');
    return undefined;
  };
}

/** Keeps the job's id out of the mail. */
function messageKey(jobId: string): string {
  return createHash('sha256').update(jobId).digest('base64url').slice(0, 32);
}
