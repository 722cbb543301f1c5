/** The browser's notifications, played: a Chromium without a window has none. */
import type { Page } from 'playwright-core';

/** From the next load on, notifications are kept in the page instead of being shown. Whoever is asked allows them. */
export async function playNotifications(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const shown: object[] = [];
    class Played extends EventTarget {
      static permission = 'default';
      static asked = 0;
      static async requestPermission() {
        Played.asked += 1;
        Played.permission = 'granted';
        return 'granted';
      }
      constructor(title: string, options: object) {
        super();
        shown.push({ title, ...options });
        Reflect.set(globalThis, 'lastNotification', this);
      }
      close(): void {}
    }
    Object.assign(globalThis, { Notification: Played, notifications: shown });
  });
}

/** How often the page asked for permission since it was loaded. */
export function askedForNotifications(page: Page): Promise<number> {
  return page.evaluate(() => Reflect.get(Notification, 'asked') as number);
}

/** All that were shown since the page was loaded, in order. */
export function shownNotifications(page: Page): Promise<{ title: string; body: string; tag: string }[]> {
  return page.evaluate(() => Reflect.get(globalThis, 'notifications') as { title: string; body: string; tag: string }[]);
}

/** Clicks the last one. */
export function clickNotification(page: Page): Promise<unknown> {
  return page.evaluate(() => (Reflect.get(globalThis, 'lastNotification') as EventTarget).dispatchEvent(new Event('click')));
}

/** The page goes out of view, or comes back. */
export function hide(page: Page, hidden: boolean): Promise<void> {
  return page.evaluate(
    (state) => {
      Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    },
    hidden ? 'hidden' : 'visible',
  );
}
