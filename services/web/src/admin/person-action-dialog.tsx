import { NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';

import { useText } from '../i18n/language.tsx';
import { PersonName } from '../people/person-name.tsx';
import { Sentence } from '../people/sentence.tsx';
import { adminApi, type PersonDetails } from './admin-api.ts';
import { ConfirmDialog } from './confirm-dialog.tsx';
import { useFormat } from './use-format.ts';

/** What can be done to a person, each asked about first. */
export type PersonAction = 'disconnect' | 'revoke' | 'ban' | 'unban';

const REASON_MAX = 100;
const HOUR = 3600;
const DAY = 24 * HOUR;
/** Seconds that a ban may last. */
const BANS = [600, HOUR, DAY, 7 * DAY, 30 * DAY, 365 * DAY];

interface PersonActionDialogProps {
  readonly action: PersonAction;
  readonly person: PersonDetails;
  readonly done: () => void;
  readonly cancel: () => void;
}

/** Asks, with what else has to be known, and does it. */
export function PersonActionDialog({ action, person, done, cancel }: PersonActionDialogProps) {
  const { id } = person;
  const { confirm } = useText('admin');
  const format = useFormat();
  const [reason, setReason] = useState('');
  const [seconds, setSeconds] = useState(HOUR);
  const { title, body, yes } = confirm[action];
  const act = {
    disconnect: () => adminApi.disconnect(id, reason.trim()),
    revoke: () => adminApi.revoke(id),
    ban: () => adminApi.ban(id, seconds),
    unban: () => adminApi.unban(id),
  }[action];
  return (
    <ConfirmDialog
      title={<Sentence template={([name = '']) => title(name)} slots={[<PersonName key="name" person={person} />]} />}
      body={body}
      yes={yes}
      grave={action !== 'unban'}
      act={act}
      done={done}
      cancel={cancel}
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
        <NativeSelect
          label={confirm.ban.seconds}
          value={String(seconds)}
          onChange={({ currentTarget }) => setSeconds(Number(currentTarget.value))}
          data={BANS.map((length) => ({ value: String(length), label: format.length(length) }))}
        />
      )}
    </ConfirmDialog>
  );
}
