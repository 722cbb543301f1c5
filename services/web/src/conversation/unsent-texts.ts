/** Own texts that the hub does not have yet: drafts and messages. They outlive a reload. */

import type { WebStorage } from '../storage/browser-storage.ts';
import type { OutboxEntry } from './outbox.ts';

/** Most characters that are kept: the browser allows several times as many. */
const KEPT_MAX = 500_000;

/** A message that the hub has not acknowledged. */
export interface UnsentMessage extends OutboxEntry {
  /** There was a connection since it was written, so the hub may have it. */
  readonly tried: boolean;
}

interface Unsent {
  readonly draft: string;
  readonly messages: readonly UnsentMessage[];
}

const NOTHING: Unsent = { draft: '', messages: [] };

interface UnsentOptions {
  /** Of this tab. Undefined if the browser forbids it. */
  readonly storage: WebStorage | undefined;
  /** Tells the pages of a hub apart, and the hubs of a host. */
  readonly key: string;
  /** The user who writes. */
  readonly owner: string;
  /** Called with true while something is unsent that a reload would lose. */
  readonly onRisk: (isAtRisk: boolean) => void;
}

/**
 * Keeps the unsent texts of one user for each place: a room, or a person. What another user wrote
 * in this tab is dropped.
 */
export class UnsentTexts {
  readonly #options: UnsentOptions;
  readonly #places: Map<string, Unsent>;
  #online = false;
  #ended = false;
  #isAtRisk = false;

  constructor(options: UnsentOptions) {
    this.#options = options;
    this.#places = new Map(read(options));
    this.#write();
  }

  /** The places with messages. */
  get places(): readonly string[] {
    return [...this.#places].filter(([, { messages }]) => messages.length > 0).map(([place]) => place);
  }

  draft(place: string): string {
    return this.#of(place).draft;
  }

  messages(place: string): readonly UnsentMessage[] {
    return this.#of(place).messages;
  }

  keepDraft(place: string, draft: string): void {
    this.#keep(place, { ...this.#of(place), draft });
  }

  keepMessages(place: string, entries: readonly OutboxEntry[]): void {
    const known = this.#of(place);
    if (entries.length === 0 && known.messages.length === 0) return;
    const isTried = (id: string) => this.#online || known.messages.some((one) => one.id === id && one.tried);
    this.#keep(place, { ...known, messages: entries.map((entry) => ({ ...entry, tried: isTried(entry.id) })) });
  }

  /** The connection opened, or was lost. Over an open one, every message may have been sent. */
  setOnline(online: boolean): void {
    this.#online = online;
    if (!online || this.places.length === 0) return;
    for (const [place, { draft, messages }] of this.#places) {
      this.#places.set(place, { draft, messages: messages.map((message) => ({ ...message, tried: true })) });
    }
    this.#write();
  }

  /** Drops everything, and keeps nothing from now on: the user logged out. */
  end(): void {
    this.#places.clear();
    this.#write();
    this.#ended = true;
  }

  #of(place: string): Unsent {
    return this.#places.get(place) ?? NOTHING;
  }

  #keep(place: string, unsent: Unsent): void {
    if (this.#ended) return;
    if (unsent.draft === '' && unsent.messages.length === 0) this.#places.delete(place);
    else this.#places.set(place, unsent);
    this.#write();
  }

  #write(): void {
    const isAtRisk = !this.#stored() && this.#places.size > 0;
    if (isAtRisk !== this.#isAtRisk) this.#options.onRisk(isAtRisk);
    this.#isAtRisk = isAtRisk;
  }

  /** Whether the storage has everything now. */
  #stored(): boolean {
    const { storage, key, owner } = this.#options;
    const text = JSON.stringify({ owner, places: [...this.#places] });
    try {
      storage?.removeItem(key);
      if (this.#places.size === 0) return true;
      if (text.length > KEPT_MAX) return false;
      storage?.setItem(key, text);
      return storage !== undefined;
    } catch {
      return false;
    }
  }
}

/** Only this page writes under the key, so its own form is trusted. */
function read({ storage, key, owner }: UnsentOptions): readonly (readonly [string, Unsent])[] {
  try {
    const kept = JSON.parse(storage?.getItem(key) ?? 'null') as { readonly owner: string; readonly places: [string, Unsent][] } | null;
    return kept?.owner === owner && Array.isArray(kept.places) ? kept.places : [];
  } catch {
    return [];
  }
}
