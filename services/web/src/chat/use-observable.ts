import { useCallback, useSyncExternalStore } from 'react';

import type { Observable } from './state/observable.ts';

/** Draws anew whenever it changes. Returns what it was given. */
export function useObservable<T extends Observable>(observable: T): T {
  const version = useCallback(() => observable.version, [observable]);
  useSyncExternalStore(observable.subscribe, version);
  return observable;
}
