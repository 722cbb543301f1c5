/** The part of the browser's storage that the pages use. */
export type WebStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/**
 * The browser's storage. Undefined if it is forbidden, as for frames of another site in a private
 * window.
 */
export function ownStorage(open: () => Storage): WebStorage | undefined {
  try {
    const storage = open();
    storage.getItem('');
    return storage;
  } catch {
    return undefined;
  }
}

/**
 * A storage that never throws. What the browser does not keep, because storage is forbidden or full,
 * lasts as long as the page.
 */
export function lenientStorage(open: () => Storage): WebStorage {
  const own = ownStorage(open);
  const unkept = new Map<string, string>();
  return {
    getItem: (key) => unkept.get(key) ?? own?.getItem(key) ?? null,
    setItem: (key, value) => {
      unkept.delete(key);
      try {
        if (own === undefined) throw new TypeError('there is no storage');
        own.setItem(key, value);
      } catch {
        unkept.set(key, value);
      }
    },
    removeItem: (key) => {
      unkept.delete(key);
      own?.removeItem(key);
    },
  };
}

/** `localStorage`: shared by the tabs of this browser, kept until it is removed. */
export const browserStorage = lenientStorage(() => localStorage);

/** `sessionStorage`: of this tab, kept over its reloads. */
export const tabStorage = lenientStorage(() => sessionStorage);
