import { Observable } from './observable.ts';

/** The browser's own notifications: `window.Notification`, or what a test plays. */
export interface NotificationApi {
  readonly permission: 'default' | 'granted' | 'denied';
  requestPermission(): Promise<'default' | 'granted' | 'denied'>;
  new (title: string, options: { readonly body: string; readonly tag: string }): Pick<EventTarget, 'addEventListener'> & { close(): void };
}

/** Tells outside the page what came while it was hidden. Asks for permission when it is told to, never by itself. */
export class Notifier extends Observable {
  readonly #api: NotificationApi | undefined;

  constructor(api: NotificationApi | undefined) {
    super();
    this.#api = api;
  }

  /** `unsupported`: this browser has none, or not for pages without https. */
  get permission(): 'default' | 'granted' | 'denied' | 'unsupported' {
    return this.#api?.permission ?? 'unsupported';
  }

  async ask(): Promise<void> {
    await this.#api?.requestPermission();
    this.changed();
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
