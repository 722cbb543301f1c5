import { Text, Title } from '@mantine/core';
import { useCallback } from 'react';
import { useText } from '../i18n/language.tsx';
import shared from './admin.module.css';
import { adminApi, type RoomDetails } from './admin-api.ts';
import { useFormat } from './format.ts';
import { PersonList } from './people.tsx';
import { usePolled } from './queries.ts';
import { Facts, SideDrawer } from './side-drawer.tsx';

/** One room with its people. */
export function RoomDrawer({ room }: { readonly room: string }) {
  const ask = useCallback(() => adminApi.room(room), [room]);
  const [{ value, error }] = usePolled(ask);
  const title = value === undefined || value.name === '' ? room : <bdi>{value.name}</bdi>;
  return (
    <SideDrawer title={title} error={error} known={value !== undefined}>
      {value !== undefined && (
        <>
          <RoomFacts room={value} />
          <RoomPeople room={value} />
        </>
      )}
    </SideDrawer>
  );
}

function RoomFacts({
  room: { room, kind, retention, members, count, createdAt, expiresAt, closedAt, last },
}: {
  readonly room: RoomDetails;
}) {
  const text = useText('admin');
  const { rooms: words } = text;
  const format = useFormat();
  const kinds: Readonly<Record<string, string>> = { ...text.person.roomKinds, ...words.kinds };
  const facts = [
    { key: 'name', label: words.name, value: <span className={shared['id']}>{room}</span> },
    { key: 'kind', label: text.person.kind, value: Object.hasOwn(kinds, kind) ? kinds[kind] : kind },
    { key: 'retention', label: words.keeps, value: words.retentions[retention] },
    { key: 'count', label: words.inside, value: format.number(count) },
    { key: 'members', label: words.members, value: members === null ? undefined : format.number(members) },
    { key: 'created', label: words.created, value: createdAt === null ? undefined : format.dateTime(createdAt) },
    { key: 'expires', label: words.expires, value: expiresAt === null ? undefined : format.dateTime(expiresAt) },
    { key: 'closed', label: words.closed, value: closedAt === null ? undefined : format.dateTime(closedAt) },
    {
      key: 'last',
      label: words.last,
      value: last === null ? words.noMessage : words.lastAt(format.dateTime(last.at), format.number(last.offset)),
    },
  ];
  return <Facts facts={facts} />;
}

function RoomPeople({ room: { count, people } }: { readonly room: RoomDetails }) {
  const { rooms: words } = useText('admin');
  const format = useFormat();
  return (
    <>
      <Title order={3} size="h5" mt="md" mb="xs">
        {words.there}
      </Title>
      {people.length === 0 && <Text className={shared['hint']}>{words.nobody}</Text>}
      {people.length < count && <Text className={shared['hint']}>{words.shown(format.number(people.length), format.number(count))}</Text>}
      {people.length > 0 && <PersonList people={people} label={words.there} />}
    </>
  );
}
