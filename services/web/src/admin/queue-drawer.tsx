import { Anchor, SegmentedControl, Text } from '@mantine/core';
import { useCallback } from 'react';
import { useText } from '../i18n/language.tsx';
import shared from './admin.module.css';
import { adminApi, JOBS_SHOWN, type QueueJob } from './admin-api.ts';
import { queueName, useFormat } from './format.ts';
import styles from './jobs.module.css';
import { OutLink } from './panel.tsx';
import { goTo, JOB_STATES, type JobState } from './place.ts';
import { usePolled } from './queries.ts';
import { Facts, SideDrawer } from './side-drawer.tsx';

interface QueueDrawerProps {
  readonly queue: string;
  readonly state: JobState;
  /** Whether the hub has a queue board to link to. */
  readonly board: boolean;
}

/** The jobs of a queue in one state. */
export function QueueDrawer({ queue, state, board }: QueueDrawerProps) {
  const text = useText('admin');
  const { queues: words } = text;
  const ask = useCallback(() => adminApi.jobs(queue, state), [queue, state]);
  const [{ value, error }] = usePolled(ask);
  // The jobs of the state before are not shown under the name of this one.
  const jobs = value?.state === state ? value.jobs : undefined;
  return (
    <SideDrawer title={words.jobsOf(queueName(text, queue))} error={error} known={jobs !== undefined}>
      <SegmentedControl
        aria-label={words.state}
        fullWidth
        value={state}
        data={JOB_STATES.map((one) => ({ value: one, label: words[one] }))}
        onChange={(chosen) => goTo({ is: 'queue', id: queue, state: JOB_STATES.find((one) => one === chosen) ?? state })}
      />
      <Text className={shared['hint']} my="xs">
        {jobs?.length === 0 ? words.noJobs : words.order[state === 'failed' ? 'failed' : 'next']}
        {jobs?.length === JOBS_SHOWN && ` ${words.first(String(JOBS_SHOWN))}`}
      </Text>
      {board && <OutLink href={`queues/queue/${encodeURIComponent(queue)}`}>{text.board}</OutLink>}
      <ul className={styles['jobs']} aria-label={words.jobsOf(queueName(text, queue))}>
        {jobs?.map((job) => (
          <Job key={job.id} job={job} queue={queue} board={board} />
        ))}
      </ul>
    </SideDrawer>
  );
}

function Job({ job, queue, board }: { readonly job: QueueJob; readonly queue: string; readonly board: boolean }) {
  const { queues: words } = useText('admin');
  const format = useFormat();
  const { id, name, state, attempts, attemptsMax, madeAt, dueAt, error } = job;
  const facts = [
    { key: 'name', label: words.job, value: name },
    { key: 'state', label: words.state, value: words[state] },
    { key: 'attempts', label: words.attempts, value: words.attemptsOf(format.number(attempts), format.number(attemptsMax)) },
    { key: 'made', label: words.made, value: format.dateTime(madeAt) },
    { key: 'due', label: words.due, value: dueAt === null ? undefined : format.dateTime(dueAt) },
    { key: 'error', label: words.error, value: error ?? undefined },
  ];
  return (
    <li data-job={id}>
      {board ? (
        <Anchor
          className={`${shared['link']} ${shared['id']}`}
          href={`queues/queue/${encodeURIComponent(queue)}/${encodeURIComponent(`id-${encodeURIComponent(id)}`)}`}
          target="_blank"
          rel="noopener noreferrer"
        >
          {id}
        </Anchor>
      ) : (
        <span className={shared['id']}>{id}</span>
      )}
      <Facts facts={facts} />
    </li>
  );
}
