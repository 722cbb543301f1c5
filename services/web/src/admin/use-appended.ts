import { useState } from 'react';

import type { ReadPart } from '../list/paged-list.ts';
import { AdminError } from './admin-api.ts';

interface Appended<Item> {
  readonly items: readonly Item[];
  /** Where the next page begins. */
  readonly next: string | undefined;
  /** A page was read. */
  readonly begun: boolean;
  readonly error: AdminError | undefined;
}

const NO_PAGES = { items: [], next: undefined, begun: false, error: undefined };

/** Pages that are read one after the other when they are asked for, and stay as they were. The second value reads one; `first`: where the first one begins. */
export function useAppended<Item>(read: ReadPart<Item>): readonly [Appended<Item>, (first?: string) => Promise<void>] {
  const [known, setKnown] = useState<Appended<Item>>(NO_PAGES);
  const load = async (first?: string): Promise<void> => {
    try {
      const { items, next } = await read(known.begun ? known.next : first);
      setKnown((before) => ({ items: [...before.items, ...items], next, begun: true, error: undefined }));
    } catch (failure) {
      const error = failure instanceof AdminError ? failure : new AdminError('INTERNAL', String(failure));
      setKnown((before) => ({ ...before, error }));
    }
  };
  return [known, load];
}
