import { Text } from '@mantine/core';

import { useText } from '../i18n/language.tsx';
import styles from './admin.module.css';
import type { RoomSize } from './admin-api.ts';
import { Panel } from './panel.tsx';
import { useFormat } from './use-format.ts';
import type { Known } from './watch.ts';

/** The rooms with the most people in them. */
export function Rooms({ rooms }: { readonly rooms: Known<readonly RoomSize[]> }) {
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
            {rooms.value.map(({ room, count }) => (
              <tr key={room} data-room={room}>
                <th scope="row" className={styles['name']}>
                  {room}
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
