import { Button, CloseButton } from '@mantine/core';
import type { ReactNode } from 'react';
import { useStore } from 'zustand/react';
import { useText } from '../i18n/language.tsx';
import type { Text } from '../i18n/languages.ts';
import { PersonName, Sentence } from '../people/person-name.tsx';
import { Icon } from '../ui/icon.tsx';
import classes from './chat.module.css';
import { useChat } from './chat-context.ts';
import { goTo, type Place } from './place.ts';
import type { Notice } from './state/notices.ts';

/** Notices that belong to no room. They lie over the page until the person closes them. */
export function NoticesBar() {
  const text = useText('chat');
  const { notices } = useChat().store;
  const all = useStore(notices.view);
  return (
    <section className={classes.notices} aria-label={text.notices} aria-live="polite">
      {all.map((notice) => {
        const { words, place } = describe(notice, text);
        return (
          <div key={notice.id} className={classes.notice} data-notice={notice.kind}>
            <Icon name="bell" />
            <p>
              {notice.kind === 'inform' && <strong>{text.informed}: </strong>}
              <bdi>{words}</bdi>
            </p>
            {place !== undefined && (
              <Button
                size="compact-sm"
                variant="light"
                onClick={() => {
                  notices.close(notice.id);
                  goTo(place);
                }}
              >
                {text.open}
              </Button>
            )}
            <CloseButton size="sm" aria-label={text.close} onClick={() => notices.close(notice.id)} />
          </div>
        );
      })}
    </section>
  );
}

function describe(notice: Notice, text: Text<'chat'>): { readonly words: ReactNode; readonly place?: Place } {
  switch (notice.kind) {
    case 'inform':
      return { words: notice.text };
    case 'paired':
      return {
        words: <Sentence template={([name = '']) => text.paired(name)} slots={[<PersonName key="name" person={notice.with} />]} />,
        place: { is: 'pair' },
      };
    case 'added':
      return { words: text.added(notice.name), place: { is: 'room', room: notice.room } };
    case 'removed':
      return { words: text.removed(notice.name) };
  }
}
