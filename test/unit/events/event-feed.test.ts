import { expect, it, onTestFinished } from 'vitest';
import { EventFeed } from '#libs/events/event-feed.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { EventRow, LogPage } from '#libs/store/event-store.ts';
import { listeningLog } from '#test/support/api-world.ts';

const change: EventRow = { seq: 1, kind: 'member_left', room: 'group:x', users: ['ann'], at: 1, payload: {} };

/** A log that answers when the test says so, and somebody who acts on it. */
function stage() {
  const reads: { readonly mark: string | undefined; readonly answer: PromiseWithResolvers<LogPage<EventRow>> }[] = [];
  const done: string[] = [];
  const hub = { refuses: false };
  let now = 0;
  const act = (what: string): Promise<void> => {
    done.push(what);
    return hub.refuses ? Promise.reject(new HubError('UNAVAILABLE')) : Promise.resolve();
  };
  const feed = new EventFeed({
    kinds: ['member_left'],
    source: {
      since(mark) {
        const answer = Promise.withResolvers<LogPage<EventRow>>();
        reads.push({ mark, answer });
        return answer.promise;
      },
    },
    listener: () => ({
      apply: (events) => act(events.map(({ room }) => room).join()),
      recheck: () => act('all'),
      upToDate: (age) => void done.push(`up to ${age} ago`),
    }),
    steady: () => now,
    log: listeningLog([]),
    everyMs: 1,
  });
  onTestFinished(async () => {
    for (const { answer } of reads) answer.resolve({ entries: [], mark: 'end', complete: true, more: false, readAt: 0 });
    await feed.stop();
  });
  let answered = 0;
  /** Waits for the next read, and answers it after so many milliseconds. */
  const answer = async (page: LogPage<EventRow>, milliseconds = 0): Promise<string | undefined> => {
    await expect.poll(() => reads.length).toBeGreaterThan(answered);
    const read = reads[answered];
    answered += 1;
    now += milliseconds;
    read?.answer.resolve(page);
    return read?.mark;
  };
  return { feed, hub, done, answer };
}

it('[R7] acts on what is new, and says up to when everything is applied: to the beginning of the read', async () => {
  const { feed, done, answer } = stage();
  void feed.start();
  expect(feed.ready).toBe(false);
  expect(await answer({ entries: [], mark: 'a', complete: true, more: false, readAt: 0 }, 5)).toBeUndefined();
  // What was missed before the first read nobody can tell.
  await expect.poll(() => done.splice(0)).toEqual(['all', 'up to 5 ago']);
  expect(feed.ready).toBe(true);
  expect(await answer({ entries: [change], mark: 'b', complete: true, more: false, readAt: 0 }, 7)).toBe('a');
  await expect.poll(() => done.splice(0)).toEqual(['group:x', 'up to 7 ago']);
  expect(await answer({ entries: [], mark: 'c', complete: true, more: false, readAt: 0 })).toBe('b');
  await expect.poll(() => done.splice(0)).toEqual(['up to 0 ago']);
});

it('[R7] reads again what could not be applied, and does not say that it is', async () => {
  const { feed, hub, done, answer } = stage();
  void feed.start();
  await answer({ entries: [], mark: 'a', complete: true, more: false, readAt: 0 });
  await expect.poll(() => done.splice(0)).toHaveLength(2);
  hub.refuses = true;
  await answer({ entries: [change], mark: 'b', complete: true, more: false, readAt: 0 });
  await expect.poll(() => done.splice(0)).toEqual(['group:x']);
  hub.refuses = false;
  expect(await answer({ entries: [change], mark: 'b', complete: true, more: false, readAt: 0 })).toBe('a');
  await expect.poll(() => done.splice(0)).toEqual(['group:x', 'up to 0 ago']);
});

it('[R7] asks about everybody after it was away for longer than changes are kept', async () => {
  const { feed, done, answer } = stage();
  void feed.start();
  await answer({ entries: [], mark: 'a', complete: true, more: false, readAt: 0 });
  await expect.poll(() => done.splice(0)).toHaveLength(2);
  await answer({ entries: [change], mark: 'b', complete: false, more: false, readAt: 0 });
  await expect.poll(() => done.splice(0)).toEqual(['all', 'up to 0 ago']);
});

it('[R7] reads on at once while pages are full, and is up to date after the last one only', async () => {
  const { feed, done, answer } = stage();
  void feed.start();
  await answer({ entries: [], mark: 'a', complete: true, more: false, readAt: 0 });
  await expect.poll(() => done.splice(0)).toHaveLength(2);
  await answer({ entries: [change], mark: 'b', complete: true, more: true, readAt: 0 }, 2);
  expect(await answer({ entries: [change], mark: 'c', complete: true, more: false, readAt: 0 }, 3)).toBe('b');
  await expect.poll(() => done.splice(0)).toEqual(['group:x', 'group:x', 'up to 5 ago']);
});

it('a kind that it did not ask for is no event', async () => {
  const { feed, answer } = stage();
  void feed.start();
  await answer({ entries: [], mark: 'a', complete: true, more: false, readAt: 0 });
  await answer({ entries: [{ ...change, kind: 'tomorrow' }], mark: 'b', complete: true, more: false, readAt: 0 });
  expect(await answer({ entries: [], mark: 'b', complete: true, more: false, readAt: 0 })).toBe('a');
});
