import { Alert, Button, Group, Menu, Modal, Text, Title } from '@mantine/core';
import { useState } from 'react';

import { Composer } from '../conversation/composer.tsx';
import { Lines } from '../conversation/lines.tsx';
import { useLanguage, useText } from '../i18n/language.tsx';
import { KindTag, PersonName } from '../people/person-name.tsx';
import { Sentence } from '../people/sentence.tsx';
import styles from './agent.module.css';
import { CustomerFacts } from './customer-facts.tsx';
import { errorText } from './error-text.ts';
import type { Workbench } from './workbench.ts';
import type { Current, WorkbenchView } from './workbench-view.ts';

export interface ConversationPaneProps {
  readonly bench: Workbench;
  readonly view: WorkbenchView;
  readonly current: Current;
}

/** One conversation: what was said, and what can be done with it. */
export function ConversationPane({ bench, view, current }: ConversationPaneProps) {
  const text = useText('agent');
  const words = useText('conversation');
  const { language } = useLanguage();
  const { details, mine, lines, more, gap, typing } = current;
  const { room, state, customer, subject, agent } = details;
  return (
    <section className={styles.conversation} aria-label={customer.name} data-state={state}>
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
          {errorText(view.failure, text)}
        </Alert>
      )}
      <CustomerFacts details={details} />
      {mine ? (
        <Lines
          lines={lines}
          me={view.me?.id ?? ''}
          language={language}
          words={words}
          typing={typing}
          gap={gap}
          note={state === 'closed' ? text.ended : undefined}
          onEarlier={more ? () => void bench.earlier() : undefined}
          onRetry={(key) => void bench.retry(key)}
        />
      ) : (
        <Text className={styles.choose}>
          {state === 'closed' || agent === undefined ? (
            text[state === 'closed' ? 'ended' : 'queued']
          ) : (
            <Sentence say={([name = '']) => text.elsewhere(name)} slots={[<PersonName key="name" person={agent} />]} />
          )}
        </Text>
      )}
      {mine && state === 'assigned' && (
        <Composer
          key={room}
          limit={view.limit}
          disabled={false}
          placeholder={words.placeholder}
          words={words}
          focused
          onSend={(said) => void bench.say(said)}
          onTyping={() => bench.typing()}
        />
      )}
    </section>
  );
}

function Actions({ bench, view, current: { details, mine } }: ConversationPaneProps) {
  const text = useText('agent');
  const [asking, setAsking] = useState(false);
  const { room, state } = details;
  if (state === 'closed') return null;
  if (!mine)
    return (
      <Button size="compact-md" onClick={() => void bench.assign(room)}>
        {state === 'queued' ? text.take : text.takeOver}
      </Button>
    );
  return (
    <Group gap="xs" wrap="nowrap">
      {/* The placeholder for the first focus would be a child that a menu may not have. */}
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
