import type { StoreApi } from 'zustand/vanilla';

/** A store as others see it: only its owner changes it. Components read it with `useStore`. */
export type View<State> = Pick<StoreApi<State>, 'getState' | 'getInitialState' | 'subscribe'>;
