import { Alert, Button, Group, Menu, Modal, Text, Title } from '@mantine/core';
import { useRef, useState } from 'react';
import { ConversationView } from '../conversation/conversation-view.tsx';
import { problemText } from '../conversation/error-code.ts';
import { useLanguage, useText } from '../i18n/language.tsx';
import { dateAndTime } from '../i18n/times.ts';
import { KindTag, PersonName, Sentence } from '../people/person-name.tsx';
import { useLostFocus } from '../ui/lost-focus.ts';
import styles from './agent.module.css';
import { CustomerPresence } from './customer-presence.tsx';
import type { Workbench } from './workbench.ts';
import type { Current, Details, WorkbenchView } from './workbench-view.ts';

/** Longest value shown, in characters. */
const VALUE_MAX = 200;

/** Facts from the customer's site, as plain text. They are not to be trusted. */
function CustomerFacts({ details: { channel, metadata = {}, createdAt } }: { readonly details: Details }) {
  const text = useText('agent');
  const { locale } = useLanguage();
  const facts = [
    ...(channel === undefined ? [] : [[text.channel, channel]]),
    [text.since, dateAndTime(createdAt, locale)],
    ...Object.entries(metadata).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  ];
  return (
    <details className={styles.facts}>
      <summary>{text.customer}</summary>
      <dl>
        {facts.map(([name, value = '']) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value.length > VALUE_MAX ? `${value.slice(0, VALUE_MAX)}…` : value}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

interface ConversationPaneProps {
  readonly bench: Workbench;
  readonly view: WorkbenchView;
  readonly current: Current;
}

/** One conversation: its messages and its actions. */
export function ConversationPane({ bench, view, current }: ConversationPaneProps) {
  const text = useText('agent');
  const { details, thread } = current;
  const { state, customer, subject, agent } = details;
  const pane = useRef<HTMLElement>(null);
  useLostFocus(`${state} ${agent?.id}`, () => pane.current?.querySelector<HTMLElement>('[data-messages]') ?? pane.current);
  return (
    <section ref={pane} className={styles.conversation} aria-label={customer.name} data-state={state} tabIndex={-1}>
      <header className={styles.head}>
        <Button
          className={styles.back}
          variant="default"
          size="compact-sm"
          aria-label={text.back}
          onClick={() => void bench.select(undefined)}
        >
          ←
        </Button>
        <div className={styles.title}>
          <div className={styles.headline}>
            <CustomerPresence online={view.status.state === 'connected' ? details.customerOnline : undefined} />
            <Title component="h2" order={2} size="h5" className={styles.name}>
              {customer.name}
            </Title>
            <KindTag kind={customer.kind} />
          </div>
          <Text size="sm" c="dimmed" truncate>
            {subject === '' ? text.noSubject : subject}
          </Text>
        </div>
        <Actions bench={bench} view={view} current={current} />
      </header>
      {view.failure !== undefined && (
        <Alert color="red" role="alert" py="xs">
          {problemText(text.errors, view.failure)}
        </Alert>
      )}
      <CustomerFacts details={details} />
      {thread !== undefined && view.me !== undefined ? (
        <ConversationView
          thread={thread}
          me={view.me}
          limit={view.limit}
          connected={view.status.state === 'connected'}
          focused
          loadOlderBy="button"
          note={state === 'closed' ? text.ended : undefined}
          closed={state === 'assigned' ? undefined : false}
        />
      ) : (
        <Text className={styles.choose}>
          {state === 'closed' || agent === undefined ? (
            text[state === 'closed' ? 'ended' : 'queued']
          ) : (
            <Sentence template={([name = '']) => text.elsewhere(name)} slots={[<PersonName key="name" person={agent} />]} />
          )}
        </Text>
      )}
    </section>
  );
}

function Actions({ bench, view, current: { details } }: ConversationPaneProps) {
  const text = useText('agent');
  const [asking, setAsking] = useState(false);
  const { room, state } = details;
  if (state === 'closed') return null;
  if (details.agent?.id !== view.me?.id)
    return (
      <Button size="compact-md" onClick={() => void bench.assign(room)}>
        {state === 'queued' ? text.take : text.takeOver}
      </Button>
    );
  return (
    <Group gap="xs" wrap="nowrap">
      {/* A menu may not have the placeholder for the first focus as a child. */}
      <Menu withinPortal={false} withInitialFocusPlaceholder={false} position="bottom-end" onOpen={() => void bench.refresh()}>
        <Menu.Target>
          <Button variant="default" size="compact-md">
            {text.transfer}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {view.colleagues.length === 0 && <Menu.Item disabled>{text.nobody}</Menu.Item>}
          {view.colleagues.map((colleague) => (
            <Menu.Item key={colleague.id} onClick={() => void bench.assign(room, colleague.id)}>
              <PersonName person={colleague} />
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      <Button variant="default" size="compact-md" onClick={() => setAsking(true)}>
        {text.close}
      </Button>
      <Modal opened={asking} onClose={() => setAsking(false)} title={text.closeSure} centered closeButtonProps={{ 'aria-label': text.no }}>
        <Group justify="flex-end">
          <Button variant="default" onClick={() => setAsking(false)}>
            {text.no}
          </Button>
          <Button
            data-autofocus
            onClick={() => {
              setAsking(false);
              void bench.close(room);
            }}
          >
            {text.yes}
          </Button>
        </Group>
      </Modal>
    </Group>
  );
}
