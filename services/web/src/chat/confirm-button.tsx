import { Button, Group, Text } from '@mantine/core';
import { useRef, useState } from 'react';

import { useText } from '../i18n/language.tsx';
import { useLostFocus } from '../ui/lost-focus.ts';

interface ConfirmButtonProps {
  readonly label: string;
  /** Label of the second button. */
  readonly sure: string;
  /** Explains what will happen. */
  readonly about: string;
  readonly onConfirm: () => Promise<void>;
}

/** A button for an action that cannot be undone: it asks once more. */
export function ConfirmButton({ label, sure, about, onConfirm }: ConfirmButtonProps) {
  const text = useText('chat');
  const [asking, setAsking] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  useLostFocus(asking, () => button.current);
  if (!asking) {
    return (
      <Button ref={button} variant="subtle" color="red" size="compact-sm" onClick={() => setAsking(true)}>
        {label}
      </Button>
    );
  }
  return (
    <div role="alert">
      <Text size="sm" mb="xs">
        {about}
      </Text>
      <Group gap="xs">
        <Button color="red" size="compact-sm" autoFocus onClick={() => void onConfirm().finally(() => setAsking(false))}>
          {sure}
        </Button>
        <Button variant="default" size="compact-sm" onClick={() => setAsking(false)}>
          {text.cancel}
        </Button>
      </Group>
    </div>
  );
}
