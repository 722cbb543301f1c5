import { Button, NativeSelect, Stack, Text, TextInput, Title } from '@mantine/core';
import { useCallback, useState } from 'react';
import { useText } from '../i18n/language.tsx';
import { PersonName, Sentence } from '../people/person-name.tsx';
import { MoreButton } from '../ui/more-button.tsx';
import shared from './admin.module.css';
import { AdminError, adminApi, type PersonDetails } from './admin-api.ts';
import { ConfirmDialog } from './confirm-dialog.tsx';
import { useFormat } from './format.ts';
import { NoticeForm } from './notice-form.tsx';
import styles from './people.module.css';
import { usePages, usePolled } from './queries.ts';
import { SideDrawer } from './side-drawer.tsx';

/** One person: facts and actions. Mounted only while open. */
export function PersonDrawer({ id }: { readonly id: string }) {
  const text = useText('admin');
  const words = text.person;
  const tell = useCallback(() => adminApi.person(id), [id]);
  const [known, look] = usePolled(tell);
  const [asking, setAsking] = useState<PersonAction>();
  const [informing, setInforming] = useState(false);
  const [sending, setSending] = useState(false);
  const [done, setDone] = useState('');
  const person = known.value;
  const ask = (action: PersonAction): void => {
    setDone('');
    setAsking(action);
  };
  return (
    <SideDrawer
      title={person === undefined ? id : <PersonName person={person} />}
      error={known.error}
      known={person !== undefined}
      closeOnEscape={asking === undefined && !sending}
    >
      <Stack>
        {person !== undefined && (
          <>
            <Facts person={person} />
            <Title order={3} size="h5">
              {words.actions}
            </Title>
            <div className={styles['actions']}>
              <Button variant="light" aria-expanded={informing} onClick={() => setInforming(!informing)}>
                {words.inform}
              </Button>
              <Button variant="default" onClick={() => ask('disconnect')}>
                {words.disconnect}
              </Button>
              <Button variant="default" onClick={() => ask('revoke')}>
                {words.revoke}
              </Button>
              {person.bannedUntil === null ? (
                <Button variant="outline" color="red" className={styles['grave']} onClick={() => ask('ban')}>
                  {words.banAction}
                </Button>
              ) : (
                <Button variant="default" onClick={() => ask('unban')}>
                  {words.unban}
                </Button>
              )}
            </div>
            {informing && <NoticeForm user={id} online={undefined} onAsking={setSending} />}
          </>
        )}
        <Text role="status" className={styles['done']}>
          {done}
        </Text>
      </Stack>
      {asking !== undefined && person !== undefined && (
        <PersonActionDialog
          action={asking}
          person={person}
          cancel={() => setAsking(undefined)}
          done={() => {
            setDone(text.confirm[asking].done);
            setAsking(undefined);
            void look();
          }}
        />
      )}
    </SideDrawer>
  );
}

function Facts({ person }: { readonly person: PersonDetails }) {
  const text = useText('admin');
  const words = text.person;
  const { kinds, offline } = text.people;
  const format = useFormat();
  const { id, kind, sessions, lastSeen, bannedUntil, banReason } = person;
  const read = useCallback((after: string | undefined) => adminApi.roomsOf(id, after), [id]);
  const [further, load] = usePages(read);
  // A room whose activity changed meanwhile may be on both pages.
  const rooms = [...new Map([...person.rooms, ...further.items].map((one) => [one.room, one])).values()];
  const more = further.started ? further.next : person.next;
  const named = <T extends object>(names: T, key: string) => (Object.hasOwn(names, key) ? String(names[key as keyof T]) : key);
  return (
    <dl className={shared['details']}>
      <dt>{words.id}</dt>
      <dd className={shared['id']}>{id}</dd>
      <dt>{words.kind}</dt>
      <dd>{named(kinds, kind)}</dd>
      <dt>{words.presence}</dt>
      <dd data-detail="presence">{sessions > 0 ? words.isOnline(sessions) : offline}</dd>
      <dt>{words.lastSeen}</dt>
      <dd>{lastSeen === null ? words.never : format.dateTime(lastSeen)}</dd>
      <dt>{words.ban}</dt>
      <dd data-detail="ban" data-banned={bannedUntil !== null}>
        {bannedUntil === null ? words.notBanned : words.bannedUntil(format.dateTime(bannedUntil))}
      </dd>
      {bannedUntil !== null && (
        <>
          <dt>{words.banReason}</dt>
          <dd data-detail="reason">{banReason ?? words.noReason}</dd>
        </>
      )}
      <dt>{words.rooms}</dt>
      <dd>
        {rooms.length === 0 ? (
          words.noRooms
        ) : (
          <ul className={styles['roomsOf']}>
            {rooms.map(({ room, kind: roomKind, name }) => (
              <li key={room}>
                {name === '' ? <span className={shared['id']}>{room}</span> : name} ({named(words.roomKinds, roomKind)})
              </li>
            ))}
          </ul>
        )}
        {more !== undefined && <MoreButton label={words.moreRooms} load={() => load(person.next)} />}
      </dd>
    </dl>
  );
}

/** Actions on a person. Each needs a confirmation. */
type PersonAction = 'disconnect' | 'revoke' | 'ban' | 'unban';

const REASON_MAX = 100;

const HOUR = 3600;

const DAY = 24 * HOUR;

/** The durations of a ban, in seconds. */
const BANS = [600, HOUR, DAY, 7 * DAY, 30 * DAY, 365 * DAY];

interface PersonActionDialogProps {
  readonly action: PersonAction;
  readonly person: PersonDetails;
  readonly done: () => void;
  readonly cancel: () => void;
}

/** Asks for confirmation of an action, with its own fields, and runs it. */
function PersonActionDialog({ action, person, done, cancel }: PersonActionDialogProps) {
  const { id } = person;
  const { confirm } = useText('admin');
  const format = useFormat();
  const [reason, setReason] = useState('');
  const [seconds, setSeconds] = useState(HOUR);
  const { title, body, yes } = confirm[action];
  const act = {
    disconnect: () => adminApi.disconnect(id, reason.trim()),
    revoke: () => adminApi.revoke(id),
    ban: async () => {
      if (reason.trim() === '') throw new AdminError('REASON_MISSING', '');
      await adminApi.ban(id, seconds, reason.trim());
    },
    unban: () => adminApi.unban(id),
  }[action];
  return (
    <ConfirmDialog
      title={<Sentence template={([name = '']) => title(name)} slots={[<PersonName key="name" person={person} />]} />}
      body={body}
      confirmLabel={yes}
      destructive={action !== 'unban'}
      onConfirm={act}
      onDone={done}
      onCancel={cancel}
    >
      {action === 'disconnect' && (
        <TextInput
          label={confirm.disconnect.reason}
          value={reason}
          maxLength={REASON_MAX}
          onChange={({ currentTarget }) => setReason(currentTarget.value)}
        />
      )}
      {action === 'ban' && (
        <>
          <NativeSelect
            label={confirm.ban.seconds}
            value={String(seconds)}
            onChange={({ currentTarget }) => setSeconds(Number(currentTarget.value))}
            data={BANS.map((length) => ({ value: String(length), label: format.length(length) }))}
          />
          <TextInput
            label={confirm.ban.reason}
            value={reason}
            maxLength={REASON_MAX}
            required
            withAsterisk={false}
            onChange={({ currentTarget }) => setReason(currentTarget.value)}
          />
        </>
      )}
    </ConfirmDialog>
  );
}
