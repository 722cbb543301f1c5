import { Button, NativeSelect, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useText } from '../i18n/language.tsx';
import shared from './admin.module.css';
import { adminApi, type NoticeTarget } from './admin-api.ts';
import { ConfirmDialog } from './confirm-dialog.tsx';
import { useFormat } from './format.ts';
import styles from './people.module.css';

type TargetKind = 'all' | 'room' | 'user';

interface NoticeFormProps {
  /** The first recipient. Undefined: everybody. */
  readonly user?: string;
  readonly online: number | undefined;
  /**
   * Called with true while the confirmation is open. A dialog below must then ignore the keyboard.
   */
  readonly onAsking?: (asking: boolean) => void;
}

const TEXT_MAX = 2000;

/** Sends a notice to everybody, a room or a person, after a confirmation. */
export function NoticeForm({ user, online, onAsking }: NoticeFormProps) {
  const text = useText('admin');
  const words = text.notice;
  const format = useFormat();
  const [kind, setKind] = useState<TargetKind>(user === undefined ? 'all' : 'user');
  const [name, setName] = useState(user ?? '');
  const [body, setBody] = useState('');
  const [state, setState] = useState<'writing' | 'asking' | 'sent' | 'missing'>('writing');
  useEffect(() => onAsking?.(state === 'asking'), [state, onAsking]);
  const target: NoticeTarget = kind === 'all' ? { all: true } : kind === 'room' ? { room: name.trim() } : { user: name.trim() };
  const recipients =
    kind === 'all'
      ? words.toAll(online === undefined ? text.unknown : format.number(online))
      : kind === 'room'
        ? words.toRoom(name.trim())
        : words.toUser(name.trim());
  const complete = body.trim() !== '' && (kind === 'all' || name.trim() !== '');
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        setState(complete ? 'asking' : 'missing');
      }}
    >
      <Stack gap="sm">
        <Text size="sm" className={shared['hint']}>
          {words.hint}
        </Text>
        {user === undefined && (
          <div className={styles['noticeTo']}>
            <NativeSelect
              label={words.to}
              value={kind}
              onChange={({ currentTarget }) => {
                setKind(currentTarget.value as TargetKind);
                setName('');
              }}
              data={(['all', 'room', 'user'] as const).map((value) => ({ value, label: words[value] }))}
            />
            {kind !== 'all' && (
              <TextInput
                label={kind === 'room' ? words.roomName : words.userId}
                value={name}
                maxLength={256}
                autoComplete="off"
                spellCheck={false}
                onChange={({ currentTarget }) => setName(currentTarget.value)}
              />
            )}
          </div>
        )}
        <Textarea
          label={words.text}
          value={body}
          maxLength={TEXT_MAX}
          rows={3}
          onChange={({ currentTarget }) => {
            setBody(currentTarget.value);
            setState('writing');
          }}
        />
        <div className={styles['noticeEnd']}>
          <Text size="sm" role="status">
            {state === 'sent' ? words.done : state === 'missing' ? words.missing : ''}
          </Text>
          <Button type="submit" variant="light">
            {words.send}
          </Button>
        </div>
      </Stack>
      {state === 'asking' && (
        <ConfirmDialog
          title={words.confirmTitle}
          body={words.confirmTo(recipients)}
          confirmLabel={words.yes}
          destructive={false}
          onConfirm={() => adminApi.inform(target, body.trim())}
          onDone={() => {
            setBody('');
            setState('sent');
          }}
          onCancel={() => setState('writing')}
        >
          <Text className={styles['quote']}>{body.trim()}</Text>
        </ConfirmDialog>
      )}
    </form>
  );
}
