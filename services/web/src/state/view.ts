import type { StoreApi } from 'zustand/vanilla';

/**
 * A read-only view of a store. Only the owner of the store changes it. Components read it with
 * `useStore`.
 */
export type View<State> = Pick<StoreApi<State>, 'getState' | 'getInitialState' | 'subscribe'>;
