import { Text } from '@mantine/core';
import { useText } from '../i18n/language.tsx';
import styles from './admin.module.css';
import type { Queue, RoomSize } from './admin-api.ts';
import { queueName, useFormat } from './format.ts';
import { OutLink, Panel } from './panel.tsx';
import { JOB_STATES } from './place.ts';
import type { Query } from './queries.ts';
import { RowButton } from './side-drawer.tsx';

/** The largest rooms. */
export function Rooms({ rooms }: { readonly rooms: Query<readonly RoomSize[]> }) {
  const { rooms: words } = useText('admin');
  const format = useFormat();
  return (
    <Panel title={words.title} error={rooms.error}>
      {rooms.value?.length === 0 && <Text className={styles['hint']}>{words.empty}</Text>}
      {rooms.value !== undefined && rooms.value.length > 0 && (
        <table className={styles['table']}>
          <thead>
            <tr>
              <th scope="col">{words.room}</th>
              <th scope="col">{words.people}</th>
            </tr>
          </thead>
          <tbody>
            {rooms.value.map(({ room, name, count }) => (
              <tr key={room} data-room={room}>
                <th scope="row" className={styles['name']} title={room}>
                  <RowButton place={{ is: 'room', id: room }}>{name === '' ? room : <bdi>{name}</bdi>}</RowButton>
                </th>
                <td>{format.number(count)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}

interface QueuesProps {
  readonly queues: Query<Readonly<Record<string, Queue>>>;
  /** Whether the hub has a queue board to link to. */
  readonly board: boolean;
}

/** The queues with their jobs. */
export function Queues({ queues, board }: QueuesProps) {
  const text = useText('admin');
  const { queues: words } = text;
  const format = useFormat();
  return (
    <Panel title={words.title} error={queues.error} aside={board && <OutLink href="queues">{text.board}</OutLink>}>
      <table className={styles['table']}>
        <thead>
          <tr>
            <th scope="col">{words.queue}</th>
            {JOB_STATES.map((count) => (
              <th scope="col" key={count}>
                {words[count]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {Object.entries(queues.value ?? {}).map(([queue, counts]) => (
            <tr key={queue} data-queue={queue}>
              <th scope="row">
                <RowButton place={{ is: 'queue', id: queue, state: 'waiting' }}>{queueName(text, queue)}</RowButton>
                {counts.oldestAge >= 1 && <small> {words.oldest(format.length(counts.oldestAge))}</small>}
              </th>
              {JOB_STATES.map((count) => (
                <td key={count} data-count={count} data-alarm={count === 'failed' && counts.failed > 0}>
                  {format.number(counts[count])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}
