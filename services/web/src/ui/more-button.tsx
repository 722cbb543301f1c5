import { Button } from '@mantine/core';
import { useState } from 'react';

interface MoreButtonProps {
  readonly label: string;
  /** Shows one more page. Does not reject. */
  readonly load: () => Promise<unknown>;
}

/** A button at the end of a list that has more pages. */
export function MoreButton({ label, load }: MoreButtonProps) {
  const [busy, setBusy] = useState(false);
  return (
    <Button
      variant="subtle"
      size="compact-sm"
      fullWidth
      loading={busy}
      onClick={() => {
        setBusy(true);
        void load().finally(() => setBusy(false));
      }}
    >
      {label}
    </Button>
  );
}
