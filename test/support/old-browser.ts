/**
 * Takes the functions from a page that the oldest supported browsers lack (`libs/client/browsers.ts`).
 * Runs in the page, before its scripts. Throws if the running browser has none of a group: then the
 * name is wrong.
 */
export function loseNewFunctions(): void {
  const take = (owner: unknown, ...names: readonly PropertyKey[]): void => {
    const known = names.filter((name) => Reflect.has(Object(owner), name));
    if (known.length === 0) throw new TypeError(`no such function: ${names.join(', ')}`);
    for (const name of known) if (!Reflect.deleteProperty(Object(owner), name)) throw new TypeError(`${String(name)} stays`);
  };
  const anyIterator = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
  take(Promise, 'withResolvers', 'try');
  take(URL, 'canParse', 'parse');
  take(Intl, 'Segmenter', 'DurationFormat');
  take(Object, 'groupBy');
  take(Map, 'groupBy');
  take(Array, 'fromAsync');
  take(String.prototype, 'isWellFormed', 'toWellFormed');
  take(Set.prototype, 'union', 'intersection', 'difference', 'symmetricDifference', 'isSubsetOf', 'isSupersetOf', 'isDisjointFrom');
  take(anyIterator, 'map', 'filter', 'take', 'drop', 'flatMap', 'reduce', 'toArray', 'forEach', 'some', 'every', 'find');
  take(ArrayBuffer.prototype, 'transfer', 'transferToFixedLength', 'resize');
  take(AbortSignal, 'any');
  take(Element.prototype, 'checkVisibility', 'setHTMLUnsafe', 'getHTML');
  take(HTMLElement.prototype, 'showPopover', 'hidePopover', 'togglePopover', 'popover');
  take(Document.prototype, 'startViewTransition', 'caretPositionFromPoint');
  take(ReadableStream.prototype, Symbol.asyncIterator);
  take(
    globalThis,
    'Iterator',
    'scheduler',
    'requestIdleCallback',
    'navigation',
    'cookieStore',
    'CloseWatcher',
    'Highlight',
    'Notification',
  );
}

/** Forbids a page its storage and its locks, as a browser does that blocks all site data. */
export function forbidStorage(): void {
  const denied = () => {
    throw new DOMException('Access is denied for this document.', 'SecurityError');
  };
  for (const name of ['localStorage', 'sessionStorage', 'indexedDB', 'caches']) Object.defineProperty(globalThis, name, { get: denied });
  LockManager.prototype.request = async () => denied();
}

/** Lets a page read its storage, and write nothing: it is full. */
export function fillStorage(): void {
  Storage.prototype.setItem = () => {
    throw new DOMException('The quota has been exceeded.', 'QuotaExceededError');
  };
}
