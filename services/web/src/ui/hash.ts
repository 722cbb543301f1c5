/** The part of the page's address after `#`: where a person is on it. */
import { useSyncExternalStore } from 'react';

/** The present one, with its `#`. Renders again when it changes. */
export function useHash(): string {
  return useSyncExternalStore(listen, () => location.hash);
}

/** A part of it as text; empty if it is not well encoded. */
export function decodedPart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

function listen(listener: () => void): () => void {
  addEventListener('hashchange', listener);
  return () => removeEventListener('hashchange', listener);
}
