/** The page that embeds the widget, as far as it may be known: `frame-ancestors` let only allowed ones embed it. */

import type { Keep } from './kept-customer.ts';

/** What the embedding page is told. */
export interface WidgetState {
  readonly unread: number;
  /** There is a conversation to listen for. */
  readonly active: boolean;
}

export interface HostPageOptions {
  /** The widget is in view, or no longer. `focus`: somebody opened it just now, and is to go on writing. */
  readonly onShown: (open: boolean, focus: boolean) => void;
  /** Another tab changed what the page keeps. */
  readonly onKept: () => void;
  readonly window: Window;
}

/** Talks to the script in the embedding page. Nothing is told before that page has said who it is, and then to its origin only. */
export class HostPage {
  readonly #window: Window;
  #origin: string | undefined;
  #state: WidgetState = { unread: 0, active: false };
  #kept = new Map<string, string>();
  /** Counts what was given to the page to keep: what it tells of an earlier turn is older than what is here. */
  #turn = 0;
  #open: boolean | undefined;
  #known: () => void = () => undefined;
  /** The embedding page has said who it is, and what it keeps for the widget. Never where there is none. */
  readonly known = new Promise<void>((resolve) => {
    this.#known = resolve;
  });
  #page: string | undefined;

  constructor({ window, onShown, onKept }: HostPageOptions) {
    this.#window = window;
    if (!this.embedded) return;
    window.addEventListener('message', ({ source, origin, data }: MessageEvent<unknown>) => {
      if (source !== window.parent || !isShown(data)) return;
      const first = this.#origin === undefined;
      const before = JSON.stringify([...this.#kept]);
      if (first || data.turn === this.#turn) this.#kept = new Map(entriesOf(data.kept));
      this.#origin = origin;
      this.#page = data.page?.startsWith(`${origin}/`) ? data.page.slice(0, 500) : origin;
      // What another tab keeps takes the focus from nobody.
      if (data.open !== this.#open || data.focus === true) onShown(data.open, data.focus === true);
      this.#open = data.open;
      this.tell(this.#state);
      this.#known();
      if (!first && JSON.stringify([...this.#kept]) !== before) onKept();
    });
    // There is nothing in it, and nobody is known yet to address it to.
    window.parent.postMessage({ parley: 'ready' }, '*');
  }

  get embedded(): boolean {
    return this.#window.parent !== this.#window;
  }

  /** Where the customer came from: address without query. Told by the page, so not to be trusted. */
  get page(): string | undefined {
    return this.#page;
  }

  tell(state: WidgetState): void {
    this.#state = state;
    this.#post({ parley: 'state', ...state });
  }

  /** A storage in the embedding page, for where the widget is allowed none: that page can read it. To be used once it is `known`. */
  get storage(): Keep {
    const kept = () => {
      this.#turn += 1;
      this.#post({ parley: 'keep', kept: JSON.stringify([...this.#kept]), turn: this.#turn });
    };
    return {
      getItem: (key) => this.#kept.get(key) ?? null,
      setItem: (key, value) => {
        this.#kept.set(key, value);
        kept();
      },
      removeItem: (key) => {
        this.#kept.delete(key);
        kept();
      },
    };
  }

  /** Asks to be put away. */
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
  /** The last one of the widget's own that `kept` includes. */
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
