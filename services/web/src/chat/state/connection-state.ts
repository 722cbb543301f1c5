import { createStore } from 'zustand/vanilla';
import type { View } from '../../state/view.ts';

/** Characters of a message until the hub tells its own limit. */
const DEFAULT_CHARS = 200;

export interface ConnectionLimits {
  /** Longest message, in code points. */
  readonly messageChars: number;
  /** Nothing can be sent any more: logged out, replaced, refused. */
  readonly ended: boolean;
}

/** What the composer needs to know of the connection. */
export class ConnectionState {
  readonly #store = createStore<ConnectionLimits>(() => ({ messageChars: DEFAULT_CHARS, ended: false }));
  readonly view: View<ConnectionLimits> = this.#store;

  limit(messageChars: number): void {
    this.#store.setState({ messageChars });
  }

  /** `state`: as the client calls it. */
  change(state: string): void {
    this.#store.setState({ ended: state === 'refused' || state === 'closed' });
  }
}
