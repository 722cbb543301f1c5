/** The page that embeds the widget. The header `frame-ancestors` allows only known sites. */

import type { WebStorage } from '../storage/browser-storage.ts';

/** What the embedding page gets to know. */
interface WidgetState {
  readonly unread: number;
  /** There is an open conversation. */
  readonly active: boolean;
}

interface HostPageOptions {
  /**
   * The widget was shown or hidden. `focus`: the customer has just opened it and wants to write.
   */
  readonly onShown: (open: boolean, focus: boolean) => void;
  /** Another tab changed what the page stores for the widget. */
  readonly onStorageChange: () => void;
  readonly window: Window;
}

/**
 * Talks to the script in the embedding page. Sends nothing before that page has named itself, and
 * then only to its origin.
 */
export class HostPage {
  readonly #window: Window;
  #origin: string | undefined;
  #state: WidgetState = { unread: 0, active: false };
  #stored = new Map<string, string>();
  /** Counts the writes to the page's storage. A report with an older count is out of date. */
  #turn = 0;
  #open: boolean | undefined;
  #known: () => void = () => undefined;
  /**
   * Resolves once the page has named itself and sent what it stores. Never without an embedding
   * page.
   */
  readonly known = new Promise<void>((resolve) => {
    this.#known = resolve;
  });
  #page: string | undefined;

  constructor({ window, onShown, onStorageChange }: HostPageOptions) {
    this.#window = window;
    if (!this.embedded) return;
    window.addEventListener('message', ({ source, origin, data }: MessageEvent<unknown>) => {
      if (source !== window.parent || !isShown(data)) return;
      const first = this.#origin === undefined;
      const before = JSON.stringify([...this.#stored]);
      if (first || data.turn === this.#turn) this.#stored = new Map(entriesOf(data.kept));
      this.#origin = origin;
      this.#page = data.page?.startsWith(`${origin}/`) ? data.page.slice(0, 500) : origin;
      // A change from another tab must not take the focus.
      if (data.open !== this.#open || data.focus === true) onShown(data.open, data.focus === true);
      this.#open = data.open;
      this.report(this.#state);
      this.#known();
      if (!first && JSON.stringify([...this.#stored]) !== before) onStorageChange();
    });
    // The message is empty, and the page's origin is not known yet.
    window.parent.postMessage({ parley: 'ready' }, '*');
  }

  get embedded(): boolean {
    return this.#window.parent !== this.#window;
  }

  /**
   * Where the customer came from: an address without its query. The page says so, so it is not to
   * be trusted.
   */
  get page(): string | undefined {
    return this.#page;
  }

  report(state: WidgetState): void {
    this.#state = state;
    this.#post({ parley: 'state', ...state });
  }

  /**
   * A storage in the embedding page, for browsers that allow the widget none. That page can read
   * it. Use it only after `known`.
   */
  get storage(): WebStorage {
    const kept = () => {
      this.#turn += 1;
      this.#post({ parley: 'keep', kept: JSON.stringify([...this.#stored]), turn: this.#turn });
    };
    return {
      getItem: (key) => this.#stored.get(key) ?? null,
      setItem: (key, value) => {
        this.#stored.set(key, value);
        kept();
      },
      removeItem: (key) => {
        this.#stored.delete(key);
        kept();
      },
    };
  }

  /** Asks the page to hide the widget. */
  close(): void {
    this.#post({ parley: 'close' });
  }

  #post(message: object): void {
    if (this.#origin !== undefined) this.#window.parent.postMessage(message, this.#origin);
  }
}

interface Shown {
  readonly open: boolean;
  readonly focus?: unknown;
  readonly page?: string;
  readonly kept?: string;
  /** The count of the last write that `kept` includes. */
  readonly turn?: unknown;
}

function isShown(data: unknown): data is Shown {
  if (typeof data !== 'object' || data === null || !('parley' in data) || data.parley !== 'shown') return false;
  const { open, page, kept } = data as Record<string, unknown>;
  return typeof open === 'boolean' && [page, kept].every((text) => text === undefined || typeof text === 'string');
}

function entriesOf(text: string | undefined): [string, string][] {
  try {
    const entries: unknown = JSON.parse(text ?? '[]');
    if (!Array.isArray(entries)) return [];
    return entries.filter((entry): entry is [string, string] => Array.isArray(entry) && entry.every((part) => typeof part === 'string'));
  } catch {
    return [];
  }
}
