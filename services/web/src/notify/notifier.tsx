import { ActionIcon } from '@mantine/core';
import { useEffect } from 'react';
import { useStore } from 'zustand/react';
import { createStore, type StoreApi } from 'zustand/vanilla';
import { useText } from '../i18n/language.tsx';
import type { View } from '../state/view.ts';
import { Icon } from '../ui/icon.tsx';

/** The browser's own notifications: `window.Notification`, or what a test plays. */
export interface NotificationApi {
  readonly permission: 'default' | 'granted' | 'denied';
  requestPermission(): Promise<'default' | 'granted' | 'denied'>;
  new (title: string, options: { readonly body: string; readonly tag: string }): Pick<EventTarget, 'addEventListener'> & { close(): void };
}

/** Whether notifications may be shown. `unsupported`: this browser has none, or not for pages without https. */
export type Permission = 'default' | 'granted' | 'denied' | 'unsupported';

/** Shows news outside the page while the page is hidden. Asks for permission only in `ask`. */
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
  tell(tag: string, title: string, body: string, onClick: () => void): void {
    if (this.#api?.permission !== 'granted') return;
    try {
      const notification = new this.#api(title, { body, tag });
      notification.addEventListener('click', () => {
        notification.close();
        onClick();
      });
    } catch {
      // Browsers of telephones allow them to service workers only.
    }
  }

  get #permission(): Permission {
    return this.#api?.permission ?? 'unsupported';
  }
}

/** Asks for notifications, when it is pressed; tells how it stands afterwards. Nothing where the browser has none. */
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

/** The page's title, with how much is new before it, as long as the caller is shown; then the title alone. */
export function useCountedTitle(title: string, count: number): void {
  useEffect(() => {
    document.title = count > 0 ? `(${count}) ${title}` : title;
    return () => {
      document.title = title;
    };
  }, [title, count]);
}
