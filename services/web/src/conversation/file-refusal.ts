import { type ClipboardEvent, useEffect, useState } from 'react';

/** What a composer knows of files that somebody wanted to send. */
interface FileRefusal {
  /** The number of pasted or dropped files that were refused since `forget`. */
  readonly refusals: number;
  readonly forget: () => void;
  readonly onPaste: (event: ClipboardEvent) => void;
}

/**
 * Refuses images and other files, which cannot be sent. A browser would drop a pasted one silently,
 * and would leave the page for a dropped one.
 */
export function useFileRefusal(): FileRefusal {
  const [refusals, setRefusals] = useState(0);
  useEffect(() => {
    const onDrag = (event: DragEvent) => {
      if (event.dataTransfer?.types.includes('Files') !== true) return;
      event.preventDefault();
      if (event.type === 'drop') setRefusals((count) => count + 1);
    };
    document.addEventListener('dragover', onDrag);
    document.addEventListener('drop', onDrag);
    return () => {
      document.removeEventListener('dragover', onDrag);
      document.removeEventListener('drop', onDrag);
    };
  }, []);
  return {
    refusals,
    forget: () => setRefusals(0),
    onPaste: (event) => {
      const { files, types } = event.clipboardData;
      // A copied table is a text and a picture of it. The text is pasted.
      if (files.length === 0 || types.includes('text/plain')) return;
      event.preventDefault();
      setRefusals((count) => count + 1);
    },
  };
}
