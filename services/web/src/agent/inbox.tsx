import { ActionIcon, Group, Tabs, Text, Title } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import type { Person } from '#libs/client/index.ts';
import { Banner } from '../connection/connection.tsx';
import { useLanguage, useText } from '../i18n/language.tsx';
import { timeOfDay } from '../i18n/times.ts';
import { type Notifier, NotifyButton, useCountedTitle } from '../notify/notifier.tsx';
import { PersonName, Sentence } from '../people/person-name.tsx';
import { Icon } from '../ui/icon.tsx';
import { Logo } from '../ui/logo.tsx';
import { MoreButton } from '../ui/more-button.tsx';
import { Preferences } from '../ui/preferences.tsx';
import styles from './agent.module.css';
import { ConversationPane } from './conversation-pane.tsx';
import { CustomerPresence } from './customer-presence.tsx';
import type { Workbench } from './workbench.ts';
import type { Conversation, InboxEntry, WorkbenchView } from './workbench-view.ts';

const TABS = ['mine', 'waiting', 'others', 'ended'] as const;

type Tab = (typeof TABS)[number];

interface InboxProps {
  readonly bench: Workbench;
  readonly view: WorkbenchView;
  readonly notifier: Notifier;
}

/**
 * The workbench: the lists on the left, one conversation on the right. A small screen shows one of
 * them.
 */
export function Inbox({ bench, view, notifier }: InboxProps) {
  const text = useText('agent');
  const conversation = useText('conversation');
  const [tab, setTab] = useState<Tab>('mine');
  const news = { mine: withUnread(view.mine), waiting: 0, others: 0, ended: withUnread(view.ended) };
  // Ended conversations are counted only if they have unread messages.
  const counts = {
    mine: String(view.mine.length),
    waiting: counted(view.waiting.length, view.more.waiting),
    others: counted(view.others.length, view.more.others),
    ended: news.ended > 0 ? String(news.ended) : undefined,
  };
  const unread = [...view.mine, ...view.ended].reduce((sum, entry) => sum + entry.unread, 0);
  useCountedTitle(text.pageTitle, unread + view.waiting.length);
  const rows: Readonly<Record<Tab, readonly Row[]>> = {
    mine: view.mine.map((entry) => ({
      ...rowOfEntry(entry),
      ...(entry.typing === undefined ? {} : { line: personSentence((name) => conversation.isTyping([name]), entry.typing) }),
    })),
    waiting: view.waiting.map(rowOf),
    others: view.others.map((one) => ({ ...rowOf(one), line: one.agent && personSentence(text.with, one.agent) })),
    ended: view.ended.map(rowOfEntry),
  };
  return (
    <div className={styles.inbox} data-view={view.current === undefined ? 'list' : 'conversation'} data-connection={view.status.state}>
      <header className={styles.top}>
        <Logo size={28} />
        <Title component="h1" order={1} size="h4">
          {text.title}
        </Title>
        <Text size="sm" className={styles.who}>
          {view.me?.name}
        </Text>
        <NotifyButton notifier={notifier} />
        <Preferences />
        <ActionIcon
          variant="subtle"
          color="gray"
          size="md"
          aria-label={text.logOut}
          title={text.logOut}
          onClick={() => void bench.logOut()}
        >
          <Icon name="leave" />
        </ActionIcon>
      </header>
      <div className={styles.banner}>
        <Banner status={view.status} onRetry={() => bench.retryNow()} onStartOver={() => void bench.logOut()} />
      </div>
      <main className={styles.desk}>
        <nav className={styles.lists} aria-label={text.title}>
          <Tabs
            value={tab}
            onChange={(value) => setTab(value as Tab)}
            keepMounted={false}
            classNames={{ list: styles.tabs, tab: styles.tab }}
          >
            <Tabs.List grow>
              {TABS.map((one) => (
                <Tabs.Tab key={one} value={one}>
                  <Group gap={4} justify="center" wrap="nowrap">
                    {text.tabs[one]}
                    {counts[one] !== undefined && (
                      <span className={styles.count} data-news={news[one] > 0 || undefined}>
                        {counts[one]}
                      </span>
                    )}
                  </Group>
                </Tabs.Tab>
              ))}
            </Tabs.List>
            {TABS.map((one) => (
              <Tabs.Panel key={one} value={one}>
                <ConversationList
                  rows={rows[one]}
                  none={text.none[one]}
                  current={view.current?.details.room}
                  connected={view.status.state === 'connected'}
                  onSelect={(room) => void bench.select(room)}
                  more={one !== 'mine' && view.more[one] ? () => bench.more(one) : undefined}
                />
              </Tabs.Panel>
            ))}
          </Tabs>
        </nav>
        <div className={styles.pane} data-pane>
          {view.current === undefined ? (
            <Text className={styles.choose}>{text.choose}</Text>
          ) : (
            <ConversationPane key={view.current.details.room} bench={bench} view={view} current={view.current} />
          )}
        </div>
      </main>
    </div>
  );
}

/** The number of rows shown, with a plus if the list has more pages: `200+`. */
function counted(shown: number, more: boolean): string {
  return more ? `${shown}+` : String(shown);
}

/** A sentence with a person's name in it. */
function personSentence(say: (name: string) => string, person: Person): ReactNode {
  return <Sentence template={([name = '']) => say(name)} slots={[<PersonName key="name" person={person} />]} />;
}

function withUnread(entries: readonly InboxEntry[]): number {
  return entries.filter(({ unread }) => unread > 0).length;
}

function rowOfEntry({ conversation, unread, last }: InboxEntry): Row {
  return { ...rowOf(conversation), unread, line: last };
}

function rowOf({ room, customer, customerOnline, subject, createdAt }: Conversation): Row {
  return { room, customer, online: customerOnline, subject, at: createdAt, unread: 0, line: undefined };
}

/** A row of a list: one conversation. */
interface Row {
  readonly room: string;
  readonly customer: Person;
  /** Whether the customer is online. Undefined if the hub cannot tell. */
  readonly online: boolean | undefined;
  readonly subject: string;
  /** Unix milliseconds. */
  readonly at: number;
  readonly unread: number;
  /** The newest message, or another fact. Undefined shows the subject. */
  readonly line: ReactNode;
}

interface ConversationListProps {
  readonly rows: readonly Row[];
  /** The text for an empty list. */
  readonly none: string;
  readonly current: string | undefined;
  /** Without a connection nobody is shown as online. */
  readonly connected: boolean;
  readonly onSelect: (room: string) => void;
  /** Shows one more page. Undefined if there is none. */
  readonly more: (() => Promise<unknown>) | undefined;
}

/** A list of conversations. */
function ConversationList({ rows, none, current, connected, onSelect, more }: ConversationListProps) {
  const text = useText('agent');
  const { locale } = useLanguage();
  if (rows.length === 0) return <p className={styles.none}>{none}</p>;
  return (
    <>
      <ul className={styles.rows}>
        {rows.map(({ room, customer, online, subject, at, unread, line }) => (
          <li key={room}>
            <button type="button" className={styles.row} aria-current={room === current} onClick={() => onSelect(room)}>
              <span className={styles.name}>
                <CustomerPresence online={connected ? online : undefined} />
                <PersonName person={customer} />
              </span>
              <time dateTime={new Date(at).toISOString()}>{timeOfDay(at, locale)}</time>
              <span className={styles.line}>{line ?? (subject === '' ? text.noSubject : subject)}</span>
              {unread > 0 && (
                <span className={styles.count} data-news role="img" aria-label={text.unread(unread)}>
                  {unread}
                </span>
              )}
            </button>
          </li>
        ))}
      </ul>
      {more !== undefined && <MoreButton label={text.more} load={more} />}
    </>
  );
}
