import { ActionIcon } from '@mantine/core';
import { useEffect } from 'react';
import { useStore } from 'zustand/react';
import { createStore, type StoreApi } from 'zustand/vanilla';
import { useText } from '../i18n/language.tsx';
import type { View } from '../state/view.ts';
import { Icon } from '../ui/icon.tsx';

/** The browser's notifications: `window.Notification`. Tests pass in their own. */
export interface NotificationApi {
  readonly permission: 'default' | 'granted' | 'denied';
  requestPermission(): Promise<'default' | 'granted' | 'denied'>;
  new (title: string, options: { readonly body: string; readonly tag: string }): Pick<EventTarget, 'addEventListener'> & { close(): void };
}

/**
 * Whether notifications may be shown. `unsupported`: the browser has none, or not without https.
 */
type Permission = 'default' | 'granted' | 'denied' | 'unsupported';

/** Shows notifications of the browser. Asks for permission only in `ask`. */
export class Notifier {
  readonly #api: NotificationApi | undefined;
  readonly #store: StoreApi<Permission>;

  constructor(api: NotificationApi | undefined) {
    this.#api = api;
    this.#store = createStore(() => this.#permission);
  }

  get view(): View<Permission> {
    return this.#store;
  }

  /** Asks the person for permission. Does nothing if the browser has no notifications. */
  async ask(): Promise<void> {
    await this.#api?.requestPermission();
    this.#store.setState(this.#permission, true);
  }

  /** Shows a notification if they are permitted. It replaces the last one with the same `tag`. */
  notify(tag: string, title: string, body: string, onClick: () => void): void {
    if (this.#api?.permission !== 'granted') return;
    try {
      const notification = new this.#api(title, { body, tag });
      notification.addEventListener('click', () => {
        notification.close();
        onClick();
      });
    } catch {
      // Browsers on phones allow notifications only in service workers.
    }
  }

  get #permission(): Permission {
    return this.#api?.permission ?? 'unsupported';
  }
}

/**
 * A button that asks for permission and shows the state of it. Renders nothing if the browser has
 * no notifications.
 */
export function NotifyButton({ notifier }: { readonly notifier: Notifier }) {
  const text = useText('app').notifications;
  const permission = useStore(notifier.view);
  if (permission === 'unsupported') return null;
  return (
    <ActionIcon
      variant={permission === 'granted' ? 'light' : 'subtle'}
      color={permission === 'granted' ? 'leaf' : 'gray'}
      aria-label={text[permission]}
      title={text[permission]}
      disabled={permission === 'denied'}
      onClick={() => permission === 'default' && void notifier.ask()}
    >
      <Icon name="bell" />
    </ActionIcon>
  );
}

/** Shows a count before the page's title while the caller is mounted. */
export function useCountedTitle(title: string, count: number): void {
  useEffect(() => {
    document.title = count > 0 ? `(${count}) ${title}` : title;
    return () => {
      document.title = title;
    };
  }, [title, count]);
}
