/** A stand-in for the browser's notifications: a Chromium without a window has none. */
import type { Page } from 'playwright-core';

/**
 * From the next load on, the page keeps notifications and does not show them. Permission is always
 * granted.
 */
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

/** Returns the number of requests for permission since the page was loaded. */
export function askedForNotifications(page: Page): Promise<number> {
  return page.evaluate(() => Reflect.get(Notification, 'asked') as number);
}

/** Returns all notifications since the page was loaded, in order. */
export function shownNotifications(page: Page): Promise<{ title: string; body: string; tag: string }[]> {
  return page.evaluate(() => Reflect.get(globalThis, 'notifications') as { title: string; body: string; tag: string }[]);
}

/** Clicks the last notification. */
export function clickNotification(page: Page): Promise<unknown> {
  return page.evaluate(() => (Reflect.get(globalThis, 'lastNotification') as EventTarget).dispatchEvent(new Event('click')));
}

/** Hides the page, or shows it again. */
export function hide(page: Page, hidden: boolean): Promise<void> {
  return page.evaluate(
    (state) => {
      Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    },
    hidden ? 'hidden' : 'visible',
  );
}
