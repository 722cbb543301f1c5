import { Alert, Drawer, Loader, UnstyledButton } from '@mantine/core';
import type { ReactNode } from 'react';
import { useText } from '../i18n/language.tsx';
import shared from './admin.module.css';
import type { AdminError } from './admin-api.ts';
import { useReason } from './format.ts';
import { type AdminPlace, adminHrefOf, goTo } from './place.ts';

interface SideDrawerProps {
  readonly title: ReactNode;
  /** Why the content may be out of date: then it is dimmed. */
  readonly error: AdminError | undefined;
  /** False while nothing is known yet. */
  readonly known: boolean;
  readonly closeOnEscape?: boolean;
  readonly children: ReactNode;
}

/** One row in full, beside the page. Mounted only while open: the caller gives the focus back. */
export function SideDrawer({ title, error, known, closeOnEscape = true, children }: SideDrawerProps) {
  const { person: words } = useText('admin');
  const reason = useReason();
  return (
    <Drawer
      opened
      onClose={() => goTo({ is: 'overview' })}
      closeOnEscape={closeOnEscape}
      position="right"
      size="md"
      returnFocus={false}
      title={title}
      classNames={{ title: shared['dialogTitle'] ?? '' }}
      closeButtonProps={{ 'aria-label': words.close }}
      transitionProps={{ duration: 0 }}
    >
      {error !== undefined && (
        <Alert color="red" role="alert" mb="md">
          {reason(error)}
        </Alert>
      )}
      {!known && error === undefined && <Loader />}
      {known && (
        <div className={shared['drawerBody']} data-stale={error !== undefined}>
          {children}
        </div>
      )}
    </Drawer>
  );
}

interface RowButtonProps {
  readonly place: AdminPlace;
  readonly children: ReactNode;
}

/** The name of a row as the button that opens it. A click anywhere on the row presses it. */
export function RowButton({ place, children }: RowButtonProps) {
  return (
    <UnstyledButton className={shared['open']} data-opens={adminHrefOf(place)} onClick={() => goTo(place)}>
      {children}
    </UnstyledButton>
  );
}

interface FactsProps {
  /** Those without a value are left out. */
  readonly facts: readonly { readonly key: string; readonly label: string; readonly value: ReactNode }[];
}

/** Names with values. */
export function Facts({ facts }: FactsProps) {
  return (
    <dl className={shared['details']}>
      {facts
        .filter(({ value }) => value !== undefined)
        .map(({ key, label, value }) => (
          <div key={key} className={shared['detail']} data-detail={key}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
