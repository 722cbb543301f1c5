/**
 * `wake`: the page became visible, or came out of the browser's cache. The connection may be dead.
 */
export type EnvironmentSignal = 'online' | 'offline' | 'wake';

/** The browser or program around the client. */
export interface Environment {
  /** False only if there certainly is no network. */
  readonly online: boolean;
  /** Storage that lives as long as the tab. Undefined outside of tabs. */
  readonly storage: { getItem(key: string): string | null; setItem(key: string, value: string): void } | undefined;
  /** Adds a listener. Returns a function that removes it. */
  listen(listener: (signal: EnvironmentSignal) => void): () => void;
}

/** The window or worker of a browser. Node has none of it: there the network is always up. */
export const globalEnvironment: Environment = {
  get online() {
    return globalThis.navigator?.onLine !== false;
  },

  get storage() {
    try {
      return globalThis.sessionStorage;
    } catch {
      // The page may not use storage.
      return undefined;
    }
  },

  listen(listener) {
    const ends: (() => void)[] = [];
    const on = (target: EventTarget | undefined, type: string, signal: () => EnvironmentSignal | undefined): void => {
      if (typeof target?.addEventListener !== 'function') return;
      const heard = (): void => {
        const told = signal();
        if (told !== undefined) listener(told);
      };
      target.addEventListener(type, heard);
      ends.push(() => target.removeEventListener(type, heard));
    };
    on(globalThis, 'online', () => 'online');
    on(globalThis, 'offline', () => 'offline');
    on(globalThis, 'pageshow', () => 'wake');
    const page = globalThis.document;
    on(page, 'visibilitychange', () => (page.visibilityState === 'visible' ? 'wake' : undefined));
    return () => {
      for (const end of ends) end();
    };
  },
};

const SESSION_KEY = 'parley.session';
/** The hub accepts no other label. */
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** The label of this tab (H1): the same after a reload, otherwise a fresh one. */
export function tabSession(storage: Environment['storage'], uuid: () => string): string {
  try {
    const known = storage?.getItem(SESSION_KEY) ?? '';
    if (UUID.test(known)) return known;
    const made = uuid();
    storage?.setItem(SESSION_KEY, made);
    return made;
  } catch {
    return uuid();
  }
}
