import { Button } from '@mantine/core';
import { useState } from 'react';

interface MoreButtonProps {
  readonly label: string;
  /** Shows one page more. Does not reject. */
  readonly load: () => Promise<unknown>;
}

/** At the end of a list of which there is more than is shown. */
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
