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
  readonly window: Window;
}

/** Talks to the script in the embedding page. Nothing is told before that page has said who it is, and then to its origin only. */
export class HostPage {
  readonly #window: Window;
  #origin: string | undefined;
  #state: WidgetState = { unread: 0, active: false };
  #kept = new Map<string, string>();
  #known: () => void = () => undefined;
  /** The embedding page has said who it is, and what it keeps for the widget. Never where there is none. */
  readonly known = new Promise<void>((resolve) => {
    this.#known = resolve;
  });
  /** Where the customer came from: address without query. Told by the page, so not to be trusted. */
  page: string | undefined;

  constructor({ window, onShown }: HostPageOptions) {
    this.#window = window;
    if (!this.embedded) return;
    window.addEventListener('message', ({ source, origin, data }: MessageEvent<unknown>) => {
      if (source !== window.parent || !isShown(data)) return;
      if (this.#origin === undefined) this.#kept = new Map(entriesOf(data.kept));
      this.#origin = origin;
      this.page = data.page?.startsWith(`${origin}/`) ? data.page.slice(0, 500) : origin;
      onShown(data.open, data.focus === true);
      this.tell(this.#state);
      this.#known();
    });
    // There is nothing in it, and nobody is known yet to address it to.
    window.parent.postMessage({ parley: 'ready' }, '*');
  }

  get embedded(): boolean {
    return this.#window.parent !== this.#window;
  }

  tell(state: WidgetState): void {
    this.#state = state;
    this.#post({ parley: 'state', ...state });
  }

  /** A storage in the embedding page, for where the widget is allowed none: that page can read it. To be used once it is `known`. */
  get storage(): Keep {
    const kept = () => this.#post({ parley: 'keep', kept: JSON.stringify([...this.#kept]) });
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
