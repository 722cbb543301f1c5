import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useId } from 'react';
import { useText } from '../../i18n/language.tsx';

interface TakeOutDialogProps {
  /** The name of the member. Undefined: the dialog is closed. */
  readonly name: string | undefined;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

/** Asks before a member is taken out of a group. Escape closes it, and the focus goes back. */
export function TakeOutDialog({ name, onConfirm, onClose }: TakeOutDialogProps) {
  const text = useText('chat');
  const about = useId();
  return (
    <Modal
      opened={name !== undefined}
      onClose={onClose}
      title={text.takeOut(name ?? '')}
      withCloseButton={false}
      aria-describedby={about}
      transitionProps={{ duration: 0 }}
      centered
    >
      <Stack>
        <Text id={about}>{text.takeOutSure}</Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            {text.cancel}
          </Button>
          <Button color="red.9" onClick={onConfirm}>
            {text.yesTakeOut}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
