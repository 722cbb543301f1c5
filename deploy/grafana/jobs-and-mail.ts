import { CHOSEN, type DashboardSpec, HUB, quantile, rate } from './panel-spec.ts';

/** What is done later. */
export const JOBS_AND_MAIL: DashboardSpec = {
  title: 'Jobs and mail',
  about: 'What workers do: queues, times, failures, mail.',
  rows: [
    {
      title: 'Queues',
      panels: [
        {
          title: 'Oldest job',
          about: 'Since the oldest waiting job was due. Below a second.',
          unit: 's',
          queries: [[`hub_queue:parley_job_oldest_age_seconds:max{${HUB}}`, '{{queue}}']],
        },
        {
          title: 'Jobs by state',
          about: 'Every worker reports the same queues: the largest number counts.',
          unit: 'short',
          queries: [[`max by (queue, state) (parley_jobs{${CHOSEN}})`, '{{queue}} {{state}}']],
        },
        {
          title: 'Mails that wait for another attempt',
          about: 'A mail is due at once: one that is delayed has failed. 0.',
          unit: 'short',
          queries: [[`max(parley_jobs{queue="mail",state="delayed",${CHOSEN}})`, 'mails']],
        },
        {
          title: 'Mails',
          about: 'Attempts to send a mail a second. Sent alone is normal; retried or failed: the mail server refuses or is away.',
          unit: 'ops',
          queries: [[rate('parley_mail_attempts_total', 'result'), '{{result}}']],
        },
        {
          title: 'Attempts',
          about: 'Attempts at jobs a second, well or not.',
          unit: 'ops',
          queries: [[rate('parley_job_duration_seconds_count', 'queue'), '{{queue}}']],
        },
        {
          title: 'Job time',
          about: 'How long an attempt takes: the chosen quantile.',
          unit: 's',
          queries: [[quantile('parley_job_duration_seconds', 'queue'), '{{queue}}']],
        },
        {
          title: 'Stalled and given up',
          about: 'Jobs whose worker died, and jobs that failed at every attempt: none.',
          unit: 'short',
          queries: [
            [`sum by (queue) (increase(parley_jobs_stalled_total{${CHOSEN}}[$__rate_interval]))`, '{{queue}} stalled'],
            [`sum by (queue) (increase(parley_jobs_failed_total{${CHOSEN}}[$__rate_interval]))`, '{{queue}} given up'],
          ],
        },
      ],
    },
  ],
};
