import { expect, it } from 'vitest';
import { type NotificationApi, Notifier } from '#services/web/src/notify/notifier.tsx';

function played(permission: 'default' | 'granted' | 'denied') {
  const shown: { title: string; body: string; tag: string; click(): void; closed: boolean }[] = [];
  let asked = 0;
  class Played extends EventTarget {
    static permission = permission;
    static requestPermission = async () => {
      asked += 1;
      Played.permission = 'granted';
      return 'granted' as const;
    };
    #closed = false;
    constructor(title: string, { body, tag }: { readonly body: string; readonly tag: string }) {
      super();
      const closed = () => this.#closed;
      shown.push({
        title,
        body,
        tag,
        click: () => this.dispatchEvent(new Event('click')),
        get closed() {
          return closed();
        },
      });
    }
    close(): void {
      this.#closed = true;
    }
  }
  return { api: Played satisfies NotificationApi, shown, asked: () => asked };
}

it('asks when it is told to, never by itself', async () => {
  const { api, shown, asked } = played('default');
  const notifier = new Notifier(api);
  notifier.notify('park', 'Bob', 'hi', () => undefined);
  expect([asked(), shown.length, notifier.view.getState()]).toEqual([0, 0, 'default']);
  let changes = 0;
  notifier.view.subscribe(() => {
    changes += 1;
  });
  await notifier.ask();
  expect([asked(), notifier.view.getState(), changes]).toEqual([1, 'granted', 1]);
});

it('shows one for a room, and closes it with the click that opens the room', () => {
  const { api, shown } = played('granted');
  let opened = 0;
  new Notifier(api).notify('park', 'Bob', 'hi', () => {
    opened += 1;
  });
  expect(shown).toMatchObject([{ title: 'Bob', body: 'hi', tag: 'park' }]);
  shown[0]?.click();
  expect([opened, shown[0]?.closed]).toEqual([1, true]);
});

it('is nothing where there is none, or where it must not be made by pages', () => {
  expect(new Notifier(undefined).view.getState()).toBe('unsupported');
  class Forbidden extends EventTarget {
    static permission = 'granted' as const;
    static requestPermission = async () => 'granted' as const;
    constructor() {
      super();
      throw new TypeError('Illegal constructor');
    }
    close(): void {}
  }
  expect(() => new Notifier(Forbidden).notify('a', 'b', 'c', () => undefined)).not.toThrow();
});
