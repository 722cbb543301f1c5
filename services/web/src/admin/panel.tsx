import { Anchor, Text, Title, VisuallyHidden } from '@mantine/core';
import { type ReactNode, useId } from 'react';
import { useText } from '../i18n/language.tsx';
import { Icon } from '../ui/icon.tsx';
import styles from './admin.module.css';
import type { AdminError } from './admin-api.ts';
import { useReason } from './format.ts';

const ICONS = { well: 'check', note: 'clock', warn: 'alert', bad: 'alert' } as const;

/** A state as colour, icon and text. Each of the three is enough to read it. */
export function StateMark({ severity, words }: { readonly severity: keyof typeof ICONS; readonly words: string }) {
  return (
    <span className={styles['mark']} data-severity={severity}>
      <Icon name={ICONS[severity]} size={14} />
      {words}
    </span>
  );
}

/** A link that opens in a new tab, so that the numbers stay in view. */
export function OutLink({ href, children }: { readonly href: string; readonly children: string }) {
  const { elsewhere } = useText('admin');
  return (
    <Anchor href={href} target="_blank" rel="noopener noreferrer" size="sm" className={styles['link']}>
      {children} <span aria-hidden="true">↗</span>
      <VisuallyHidden>({elsewhere})</VisuallyHidden>
    </Anchor>
  );
}

interface PanelProps {
  readonly title: string;
  /** Why the content may be out of date. */
  readonly error?: AdminError | undefined;
  /** Shown beside the title. */
  readonly aside?: ReactNode;
  readonly children: ReactNode;
}

/** A section of the page with a heading. */
export function Panel({ title, error, aside, children }: PanelProps) {
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
