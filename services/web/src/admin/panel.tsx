import { Text, Title } from '@mantine/core';
import { type ReactNode, useId } from 'react';

import { useText } from '../i18n/language.tsx';
import styles from './admin.module.css';
import type { AdminError } from './admin-api.ts';
import { useReason } from './use-format.ts';

interface Props {
  readonly title: string;
  /** Why what is shown may be old. */
  readonly error?: AdminError | undefined;
  /** Beside the title. */
  readonly aside?: ReactNode;
  readonly children: ReactNode;
}

/** One part of the page, with a heading of its own. */
export function Panel({ title, error, aside, children }: Props) {
  const text = useText('admin');
  const reason = useReason();
  const id = useId();
  return (
    <section className={styles['panel']} aria-labelledby={id}>
      <header className={styles['panelHead']}>
        <Title order={2} size="h4" id={id}>
          {title}
        </Title>
        {aside}
      </header>
      {error !== undefined && (
        <Text size="sm" className={styles['stale']}>
          {text.stale(reason(error))}
        </Text>
      )}
      <div data-stale={error !== undefined}>{children}</div>
    </section>
  );
}
