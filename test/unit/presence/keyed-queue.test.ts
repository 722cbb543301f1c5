import { describe, expect, it } from 'vitest';
import { KeyedQueue } from '#libs/presence/keyed-queue.ts';

/** A task that ends when told to. */
function task(log: string[], name: string): { run: () => Promise<string>; end: () => void; fail: () => void } {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  return {
    run: () => {
      log.push(`${name} starts`);
      return promise;
    },
    end: () => resolve(name),
    fail: () => reject(new Error(name)),
  };
}

describe('a keyed queue', () => {
  it('runs the first task of a key at once, and those of other keys beside it', () => {
    const log: string[] = [];
    const queue = new KeyedQueue();
    void queue.run('a', task(log, 'a1').run);
    void queue.run('a', task(log, 'a2').run);
    void queue.run('b', task(log, 'b1').run);
    expect(log).toEqual(['a1 starts', 'b1 starts']);
  });

  it('runs the tasks of one key in the order of the calls, after failures too', async () => {
    const log: string[] = [];
    const queue = new KeyedQueue();
    const [one, two, three] = [task(log, '1'), task(log, '2'), task(log, '3')];
    const first = queue.run('a', one.run);
    const second = queue.run('a', two.run);
    const third = queue.run('a', three.run);
    two.end();
    three.end();
    one.fail();
    await expect(first).rejects.toThrow('1');
    expect(await Promise.all([second, third])).toEqual(['2', '3']);
    expect(log).toEqual(['1 starts', '2 starts', '3 starts']);
  });

  it('knows what is newer than a recording: what is under way, and what came since', async () => {
    const queue = new KeyedQueue();
    const before = task([], 'before');
    const running = queue.run('before', before.run);
    await queue.run('done', async () => undefined);
    queue.record();
    await queue.run('since', async () => undefined);
    expect(['before', 'done', 'since', 'never'].map((key) => queue.isNewer(key))).toEqual([true, false, true, false]);
    before.end();
    await running;
    await Promise.resolve();
    queue.stopRecording();
    expect(['before', 'since'].map((key) => queue.isNewer(key))).toEqual([false, false]);
  });

  it('forgets a key whose last task ended, and not before', async () => {
    const queue = new KeyedQueue();
    const [one, two] = [task([], '1'), task([], '2')];
    const first = queue.run('a', one.run);
    const second = queue.run('a', two.run);
    one.end();
    await first;
    expect(queue.isNewer('a')).toBe(true);
    two.end();
    await second;
    await Promise.resolve();
    expect(queue.isNewer('a')).toBe(false);
  });
});
