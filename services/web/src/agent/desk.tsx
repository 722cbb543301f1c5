import { Button, Group, Tabs, Text, Title } from '@mantine/core';
import { useState } from 'react';

import { Banner } from '../connection/banner.tsx';
import { useText } from '../i18n/language.tsx';
import { useCountedTitle } from '../notify/counted-title.ts';
import type { Notifier } from '../notify/notifier.ts';
import { NotifyButton } from '../notify/notify-button.tsx';
import { Preferences } from '../ui/preferences.tsx';
import styles from './agent.module.css';
import { ConversationList, type Row } from './conversation-list.tsx';
import { ConversationPane } from './conversation-pane.tsx';
import type { Conversation, Workbench, WorkbenchView } from './workbench.ts';

/** As the page has it of itself. */
const TITLE = 'Parley: agents';

type Tab = 'mine' | 'waiting' | 'others';

export interface DeskProps {
  readonly bench: Workbench;
  readonly view: WorkbenchView;
  readonly notifier: Notifier;
}

/** The workbench: lists on the left, one conversation on the right; on a small screen one of them. */
export function Desk({ bench, view, notifier }: DeskProps) {
  const text = useText('agent');
  const [tab, setTab] = useState<Tab>('mine');
  const unread = view.mine.reduce((sum, entry) => sum + entry.unread, 0);
  useCountedTitle(TITLE, unread + view.waiting.length);
  const counts = { mine: view.mine.length, waiting: view.waiting.length, others: view.others.length };
  const rows: Readonly<Record<Tab, readonly Row[]>> = {
    mine: view.mine.map(({ conversation, unread: news, last, typing }) => ({
      ...rowOf(conversation),
      unread: news,
      line: typing === undefined ? last?.text : text.talk.typing(typing),
    })),
    waiting: view.waiting.map(rowOf),
    others: view.others.map((one) => ({ ...rowOf(one), line: text.with(one.agent?.name ?? '') })),
  };
  return (
    <div className={styles.desk} data-view={view.current === undefined ? 'list' : 'conversation'} data-connection={view.status.state}>
      <header className={styles.top}>
        <Title component="h1" order={1} size="h4">
          {text.title}
        </Title>
        <Text size="sm" className={styles.who}>
          {view.me?.name}
        </Text>
        <NotifyButton notifier={notifier} />
        <Preferences />
        <Button variant="default" size="compact-sm" onClick={() => void bench.logOut()}>
          {text.logOut}
        </Button>
      </header>
      <div className={styles.banner}>
        <Banner status={view.status} onRetry={() => bench.retryNow()} onStartOver={() => void bench.logOut()} />
      </div>
      <nav className={styles.lists} aria-label={text.title}>
        <Tabs
          value={tab}
          onChange={(value) => setTab(value as Tab)}
          keepMounted={false}
          classNames={{ list: styles.tabs, tab: styles.tab }}
        >
          <Tabs.List grow>
            {(['mine', 'waiting', 'others'] as const).map((one) => (
              <Tabs.Tab key={one} value={one}>
                <Group gap={6} justify="center" wrap="nowrap">
                  {text[one]}
                  <span className={styles.count} data-news={(one === 'mine' && unread > 0) || undefined}>
                    {counts[one]}
                  </span>
                </Group>
              </Tabs.Tab>
            ))}
          </Tabs.List>
          {(['mine', 'waiting', 'others'] as const).map((one) => (
            <Tabs.Panel key={one} value={one}>
              <ConversationList
                rows={rows[one]}
                none={text.none[one]}
                current={view.current?.details.room}
                onSelect={(room) => void bench.select(room)}
              />
            </Tabs.Panel>
          ))}
        </Tabs>
      </nav>
      <main className={styles.pane}>
        {view.current === undefined ? (
          <Text className={styles.choose}>{text.choose}</Text>
        ) : (
          <ConversationPane key={view.current.details.room} bench={bench} view={view} current={view.current} />
        )}
      </main>
    </div>
  );
}

function rowOf({ room, customer, subject, createdAt }: Conversation): Row {
  return { room, name: customer.name, subject, at: createdAt, unread: 0, line: undefined };
}
