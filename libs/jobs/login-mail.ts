import type { LoginMail, MailSeal } from '#libs/mail/mail-seal.ts';
import type { Jobs } from './jobs.ts';

/**
 * Queues the mail of a login code, sealed. `id`: new for each code; it names the job, and the mail's Message-ID comes from it. For an account that is not known `to` is
 * undefined: both ways are one. Rejects as `Jobs.add`.
 */
export async function queueLoginMail(
  jobs: Jobs,
  seal: MailSeal,
  id: string,
  mail: Omit<LoginMail, 'to'> & { readonly to: string | undefined },
): Promise<void> {
  await jobs.add('mail', { sealed: seal.seal(id, { ...mail, to: mail.to ?? '' }) }, { id });
}
