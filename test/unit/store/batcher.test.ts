import { expect, test } from 'vitest';
import { HubError } from '#libs/protocol/errors.ts';
import { Batcher } from '#libs/store/batcher.ts';

interface Call {
  readonly items: readonly number[];
  readonly deadline: number;
  resolve(): void;
  reject(error: unknown): void;
}

interface Limits {
  readonly sizeMax?: number;
  readonly queueMax?: number;
  readonly parallel?: number;
  readonly timeoutMs?: number;
}

/** A writer whose writes are answered by the test; an item's result is its tenfold. */
function stage(limits: Limits = {}): { writer: Batcher<number, number>; calls: Call[]; next: (count: number) => Promise<Call> } {
  const calls: Call[] = [];
  let told = (): void => undefined;
  const writer = new Batcher<number, number>({
    windowMs: 1,
    sizeMax: 100,
    queueMax: 100,
    parallel: 1,
    timeoutMs: 60_000,
    ...limits,
    write: (items, deadline) =>
      new Promise((resolve, reject) => {
        calls.push({ items, deadline, resolve: () => resolve(items.map((item) => item * 10)), reject });
        told();
      }),
  });
  const next = async (count: number): Promise<Call> => {
    while (calls.length < count)
      await new Promise<void>((resolve) => {
        told = resolve;
      });
    const call = calls[count - 1];
    if (call === undefined) throw new Error('no call');
    return call;
  };
  return { writer, calls, next };
}

const codeOf = (error: unknown): unknown => (error instanceof HubError ? error.code : error);

test('calls of the same moment are one write, each gets its own result', async () => {
  const { writer, next, calls } = stage();
  const results = Promise.all([1, 2, 3].map((item) => writer.add(item)));
  (await next(1)).resolve();
  expect(await results).toEqual([10, 20, 30]);
  expect(calls).toHaveLength(1);
});

test('while one group is written the next gathers; as many beside each other as allowed', async () => {
  const { writer, next, calls } = stage({ parallel: 2, sizeMax: 2 });
  const results = Promise.all([1, 2, 3, 4, 5, 6, 7].map((item) => writer.add(item)));
  const [first, second] = [await next(1), await next(2)];
  expect(calls.map(({ items }) => items)).toEqual([
    [1, 2],
    [3, 4],
  ]);
  first.resolve();
  expect((await next(3)).items).toEqual([5, 6]);
  second.resolve();
  calls[2]?.resolve();
  (await next(4)).resolve();
  expect(await results).toEqual([10, 20, 30, 40, 50, 60, 70]);
});

test('beyond what may wait, calls are refused at once', async () => {
  const { writer, next } = stage({ queueMax: 2 });
  const taken = [writer.add(1), writer.add(2)];
  expect(codeOf(await writer.add(3).catch((error: unknown) => error))).toBe('UNAVAILABLE');
  (await next(1)).resolve();
  expect(await Promise.all(taken)).toEqual([10, 20]);
});

test('one item at fault fails alone: found by halving', async () => {
  const results = await new Promise<PromiseSettledResult<number>[]>((resolve) => {
    const writer = new Batcher<number, number>({
      windowMs: 1,
      sizeMax: 100,
      queueMax: 100,
      parallel: 1,
      timeoutMs: 60_000,
      write: async (items) => {
        if (items.includes(13)) throw new HubError('INVALID_REQUEST');
        return items;
      },
    });
    resolve(Promise.allSettled(Array.from({ length: 20 }, (_, i) => writer.add(i))));
  });
  expect(results.flatMap(({ status }, i) => (status === 'rejected' ? [i] : []))).toEqual([13]);
});

test('where the database fails what has time left is tried once more, and then told', async () => {
  const { writer, next, calls } = stage();
  const lucky = writer.add(1);
  (await next(1)).reject(new HubError('UNAVAILABLE'));
  (await next(2)).resolve();
  expect(await lucky).toBe(10);
  const unlucky = writer.add(2).catch(codeOf);
  (await next(3)).reject(new HubError('UNAVAILABLE'));
  (await next(4)).reject(new HubError('UNAVAILABLE'));
  expect(await unlucky).toBe('UNAVAILABLE');
  expect(calls).toHaveLength(4);
});

test('without time left it is not tried again; the group’s deadline is its first call’s', async () => {
  const { writer, next, calls } = stage({ timeoutMs: 200 });
  const before = performance.now();
  const answer = writer.add(1).catch(codeOf);
  const call = await next(1);
  expect(call.deadline).toBeGreaterThanOrEqual(before + 200);
  expect(call.deadline).toBeLessThanOrEqual(performance.now() + 200);
  call.reject(new HubError('UNAVAILABLE'));
  expect(await answer).toBe('UNAVAILABLE');
  expect(calls).toHaveLength(1);
});

test('flush resolves when everything is answered, failures included', async () => {
  const { writer, next } = stage({ sizeMax: 1 });
  const results = Promise.allSettled([writer.add(1), writer.add(2)]);
  let flushed = false;
  const flushing = writer.flush().then(() => {
    flushed = true;
  });
  (await next(1)).resolve();
  const second = await next(2);
  expect(flushed).toBe(false);
  second.reject(new HubError('INVALID_REQUEST'));
  await flushing;
  expect((await results).map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  await writer.flush();
});
