import { ActionIcon } from '@mantine/core';
import { useEffect, useSyncExternalStore } from 'react';
import { useText } from '../i18n/language.tsx';
import { Icon } from '../ui/icon.tsx';

/** The browser's own notifications: `window.Notification`, or what a test plays. */
export interface NotificationApi {
  readonly permission: 'default' | 'granted' | 'denied';
  requestPermission(): Promise<'default' | 'granted' | 'denied'>;
  new (title: string, options: { readonly body: string; readonly tag: string }): Pick<EventTarget, 'addEventListener'> & { close(): void };
}

/** Tells outside the page what came while it was hidden. Asks for permission when it is told to, never by itself. */
export class Notifier {
  readonly #api: NotificationApi | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(api: NotificationApi | undefined) {
    this.#api = api;
  }

  /** `unsupported`: this browser has none, or not for pages without https. */
  get permission(): 'default' | 'granted' | 'denied' | 'unsupported' {
    return this.#api?.permission ?? 'unsupported';
  }

  /** Calls back after the person was asked, until the returned function is called. Bound: it can be passed on as it is. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  async ask(): Promise<void> {
    await this.#api?.requestPermission();
    for (const listener of [...this.#listeners]) listener();
  }

  /** One for each `tag` is shown at a time: the latest. */
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
}

/** Asks for notifications, when it is pressed; tells how it stands afterwards. Nothing where the browser has none. */
export function NotifyButton({ notifier }: { readonly notifier: Notifier }) {
  const text = useText('app').notifications;
  const permission = useSyncExternalStore(notifier.subscribe, () => notifier.permission);
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
