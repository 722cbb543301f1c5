import { describe, expect, it } from 'vitest';
import { lenientStorage, ownStorage } from '#services/web/src/storage/browser-storage.ts';
import { subjectOf } from '#services/web/src/widget/customer-conversations.ts';
import { CustomerMemory } from '#services/web/src/widget/customer-memory.ts';
import { HostPage } from '#services/web/src/widget/host-page.ts';

describe('the subject of a conversation', () => {
  it('is how its first message begins, in one line of at most 60 characters', () => {
    expect(subjectOf('  Where is\n\tmy parcel? \u202e')).toBe('Where is my parcel?');
    expect([...(subjectOf('😀'.repeat(80)) ?? '')]).toHaveLength(60);
    expect(subjectOf(`${'x'.repeat(59)} yz`)).toBe('x'.repeat(59));
    for (const text of ['', ' \n ', '\u200b\u200d']) expect(subjectOf(text)).toBeUndefined();
  });
});

describe('what the widget keeps', () => {
  it('is one customer for each channel, and none where it cannot be read', () => {
    const kept = new Map<string, string>();
    const keep = {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
      removeItem: (key: string) => void kept.delete(key),
    };
    const [shop, forum] = [new CustomerMemory(keep, 'shop'), new CustomerMemory(keep, 'forum')];
    shop.remember({ id: 'c1', room: 'conv:x', read: 3 });
    expect([shop.customer, forum.customer]).toEqual([{ id: 'c1', room: 'conv:x', read: 3 }, undefined]);
    for (const text of ['{', 'null', '7', '{"id":7}']) {
      kept.set('parley.customer.shop', text);
      expect(shop.customer).toBeUndefined();
    }
    shop.forget();
    expect(kept.size).toBe(0);
  });

  it('is not the browser’s own storage where that is forbidden', () => {
    const forbidden = (): Storage => {
      throw new DOMException('denied', 'SecurityError');
    };
    expect(ownStorage(forbidden)).toBeUndefined();
    const full = { getItem: () => 'old', removeItem: () => undefined, setItem: () => forbidden() } as unknown as Storage;
    for (const storage of [lenientStorage(forbidden), lenientStorage(() => full)]) {
      storage.setItem('key', 'new');
      expect(storage.getItem('key')).toBe('new');
      expect(() => storage.removeItem('key')).not.toThrow();
    }
  });
});

/** A window in a frame, and what its parent gets. */
function frame() {
  const told: { readonly message: unknown; readonly to: string }[] = [];
  const parent = { postMessage: (message: unknown, to: string) => void told.push({ message, to }) };
  let hear: (event: unknown) => void = () => undefined;
  const window = { parent, addEventListener: (_type: string, listener: typeof hear) => (hear = listener) } as unknown as Window;
  const shown: [boolean, boolean][] = [];
  let changes = 0;
  const onStorageChange = () => {
    changes += 1;
  };
  const host = new HostPage({ window, onShown: (open, focus) => shown.push([open, focus]), onStorageChange });
  return { host, told, shown, parent, changes: () => changes, hear: (event: unknown) => hear(event) };
}

const SHOP = 'https://shop.test';

describe('the page around the widget', () => {
  it('is told nothing before it said who it is, and then by its origin only', () => {
    const { host, told, shown, parent, hear } = frame();
    host.report({ unread: 2, active: true });
    host.close();
    expect(told).toEqual([{ message: { parley: 'ready' }, to: '*' }]);
    hear({ source: {}, origin: 'https://evil.test', data: { parley: 'shown', open: true } });
    for (const data of [null, 'x', {}, { parley: 'shown' }, { parley: 'shown', open: 1 }, { parley: 'shown', open: true, page: 7 }])
      hear({ source: parent, origin: SHOP, data });
    expect([shown, told.length, host.page]).toEqual([[], 1, undefined]);
    hear({ source: parent, origin: SHOP, data: { parley: 'shown', open: true, focus: true, page: `${SHOP}/cart` } });
    expect([shown, host.page]).toEqual([[[true, true]], `${SHOP}/cart`]);
    host.close();
    expect(told.slice(1)).toEqual([
      { message: { parley: 'state', unread: 2, active: true }, to: SHOP },
      { message: { parley: 'close' }, to: SHOP },
    ]);
  });

  it('may not say that it is another one', () => {
    const { host, parent, hear } = frame();
    hear({ source: parent, origin: SHOP, data: { parley: 'shown', open: false, page: 'https://bank.test/' } });
    expect(host.page).toBe(SHOP);
  });

  it('keeps for the widget what that may not keep itself', async () => {
    const { host, told, shown, parent, hear, changes } = frame();
    hear({ source: parent, origin: SHOP, data: { parley: 'shown', open: false, kept: '[["a","1"],["b"],7]' } });
    await host.known;
    expect([host.storage.getItem('a'), host.storage.getItem('b')]).toEqual(['1', null]);
    host.storage.setItem('b', '2');
    host.storage.removeItem('a');
    expect(told.at(-1)).toEqual({ message: { parley: 'keep', kept: '[["b","2"]]', turn: 2 }, to: SHOP });
    // What the page tells before it has the last turn is older than what is here.
    const tell = (turn: number, kept: string) => hear({ source: parent, origin: SHOP, data: { parley: 'shown', open: false, turn, kept } });
    tell(1, '[["a","1"]]');
    expect([host.storage.getItem('a'), changes()]).toEqual([null, 0]);
    // Later it is another tab's, of which nobody needs to be shown anything.
    tell(2, '[["a","3"]]');
    tell(2, '[["a","3"]]');
    expect([host.storage.getItem('a'), host.storage.getItem('b'), changes()]).toEqual(['3', null, 1]);
    expect(shown).toEqual([[false, false]]);
  });
});
