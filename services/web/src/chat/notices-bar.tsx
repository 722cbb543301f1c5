import { Button, CloseButton } from '@mantine/core';
import type { ReactNode } from 'react';
import { useStore } from 'zustand/react';
import { useText } from '../i18n/language.tsx';
import type { Text } from '../i18n/languages.ts';
import { PersonName, Sentence } from '../people/person-name.tsx';
import { Icon } from '../ui/icon.tsx';
import classes from './chat.module.css';
import { useChat } from './chat-context.ts';
import { goTo, type Place, placeOfRoom } from './place.ts';
import type { Notice } from './state/notices.ts';

/**
 * Notices that belong to no room in view. They lie below the header of the room, and go by
 * themselves. The pointer or the focus keeps one. A screen reader reads each once, when it comes.
 */
export function NoticesBar() {
  const text = useText('chat');
  const said = useText('conversation').announced;
  const { notices } = useChat().store;
  const all = useStore(notices.view);
  return (
    <section className={classes.notices} aria-label={text.notices} aria-live="polite">
      {all.map((notice) => {
        const { words, place } = describe(notice, text, said);
        return (
          // biome-ignore lint/a11y/noStaticElementInteractions: the pointer only keeps it, and its buttons take the focus
          <div
            key={notice.id}
            className={classes.notice}
            data-notice={notice.kind}
            onPointerEnter={() => notices.hold(notice.id, 'pointer')}
            onPointerLeave={() => notices.release(notice.id, 'pointer')}
            onFocus={() => notices.hold(notice.id, 'focus')}
            onBlur={() => notices.release(notice.id, 'focus')}
          >
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

function describe(
  notice: Notice,
  text: Text<'chat'>,
  said: Text<'conversation'>['announced'],
): { readonly words: ReactNode; readonly place?: Place } {
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
    case 'message':
      return {
        words: (
          <Sentence
            template={([name = '', words = '']) => said(name, words)}
            slots={[<PersonName key="name" person={notice.from} />, <bdi key="text">{notice.text}</bdi>]}
          />
        ),
        place: placeOfRoom(notice.to),
      };
  }
}
