/** `wake`: the page is looked at again, or came out of the browser's cache: much may have happened to the line meanwhile. */
export type EnvironmentSignal = 'online' | 'offline' | 'wake';

/** What the client is told by the place it runs in. */
export interface Environment {
  /** False only where there certainly is no network. */
  readonly online: boolean;
  /** Remembers for as long as the tab lives; undefined outside of tabs. */
  readonly storage: { getItem(key: string): string | null; setItem(key: string, value: string): void } | undefined;
  /** Returns a function that ends it. */
  listen(listener: (signal: EnvironmentSignal) => void): () => void;
}

/** The browser's window or worker; in Node, where none of it exists, a network that is always there. */
export const globalEnvironment: Environment = {
  get online() {
    return globalThis.navigator?.onLine !== false;
  },

  get storage() {
    try {
      return globalThis.sessionStorage;
    } catch {
      // Storage is forbidden here.
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
/** The hub takes no other label. */
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** The label of this tab (H1): the one it had before a reload, or a fresh one. */
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
