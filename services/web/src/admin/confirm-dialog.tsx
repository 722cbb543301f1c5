import { Alert, Button, Group, Modal, Stack, Text } from '@mantine/core';
import { type ReactNode, useEffect, useState } from 'react';
import { useText } from '../i18n/language.tsx';
import styles from './admin.module.css';
import { AdminError } from './admin-api.ts';
import { useReason } from './format.ts';

interface ConfirmDialogProps {
  readonly title: ReactNode;
  readonly body: string;
  readonly confirmLabel: string;
  /** The action cannot be undone: its button is red. */
  readonly destructive: boolean;
  /** Runs the action. If it rejects, the dialog stays open and shows the reason. */
  readonly onConfirm: () => Promise<unknown>;
  readonly onDone: () => void;
  readonly onCancel: () => void;
  /** Further fields or text. */
  readonly children?: ReactNode;
}

/** Asks for confirmation before an action on people. Mounted only while open. */
export function ConfirmDialog({ title, body, confirmLabel, destructive, onConfirm, onDone, onCancel, children }: ConfirmDialogProps) {
  useFocusBack();
  const text = useText('admin');
  const reason = useReason();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<AdminError>();
  const submit = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm();
      onDone();
    } catch (failure) {
      setError(failure instanceof AdminError ? failure : new AdminError('INTERNAL', String(failure)));
      setBusy(false);
    }
  };
  return (
    <Modal
      opened
      onClose={onCancel}
      title={title}
      withCloseButton={false}
      centered
      returnFocus={false}
      classNames={{ title: styles['dialogTitle'] ?? '' }}
      transitionProps={{ duration: 0 }}
    >
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy) void submit();
        }}
      >
        <Stack>
          <Text>{body}</Text>
          {children}
          {error !== undefined && (
            <Alert color="red" role="alert">
              {reason(error)}
            </Alert>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onCancel}>
              {text.confirm.cancel}
            </Button>
            <Button type="submit" color={destructive ? 'red.9' : 'leaf'} loading={busy}>
              {confirmLabel}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

/**
 * Returns the focus to the element that had it before. For dialogs that are mounted only while
 * open. If nothing had it (after a reload), the focus goes to the button that `opens` this address.
 */
export function useFocusBack(opens?: string): void {
  const [before] = useState(() => document.activeElement);
  useEffect(
    () => () => {
      // Waits until the dialog has released the focus.
      setTimeout(() => {
        const had = before instanceof HTMLElement && before.isConnected && before !== document.body ? before : undefined;
        const button = opens === undefined ? null : document.querySelector<HTMLElement>(`[data-opens="${CSS.escape(opens)}"]`);
        (had ?? button)?.focus();
      });
    },
    [before, opens],
  );
}
