import { expect, test } from 'vitest';
import { HubError } from '#libs/protocol/errors.ts';
import { Batcher, GroupedReads, type GroupedReadsOptions } from '#libs/store/batcher.ts';

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
    queue: 'messages',
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
      queue: 'messages',
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

interface Read {
  readonly items: readonly number[];
  readonly deadline: number;
  answer(): void;
  fail(error: unknown): void;
}

/** Reads that are answered by the test; the answer to a number is its tenfold. */
function readStage(limits: Partial<GroupedReadsOptions<number, number>> = {}) {
  const reads: Read[] = [];
  const grouped = new GroupedReads<number, number>({
    windowMs: 1,
    sizeMax: 100,
    queueMax: 100,
    parallel: 1,
    timeoutMs: 60_000,
    read: (items, deadline) =>
      new Promise((resolve, reject) => {
        reads.push({ items, deadline, answer: () => resolve(items.map((item) => item * 10)), fail: reject });
      }),
    ...limits,
  });
  const next = async (count: number): Promise<Read> => {
    await expect.poll(() => reads.length, { interval: 1 }).toBeGreaterThanOrEqual(count);
    const read = reads[count - 1];
    if (read === undefined) throw new TypeError('no read');
    return read;
  };
  return { grouped, reads, next };
}

test('questions of the same moment are one read, each gets its own answer, and none is kept', async () => {
  const { grouped, reads, next } = readStage();
  const answers = Promise.all([1, 2, 1].map((item) => grouped.ask(item)));
  (await next(1)).answer();
  expect(await answers).toEqual([10, 20, 10]);
  expect(reads.map(({ items }) => items)).toEqual([[1, 2, 1]]);
  const again = grouped.ask(1);
  (await next(2)).answer();
  expect(await again).toBe(10);
});

test('as many groups as allowed are under way, of the largest size at most; the next ones gather meanwhile', async () => {
  const { grouped, reads, next } = readStage({ parallel: 2, sizeMax: 2 });
  const first = [1, 2, 3, 4, 5].map((item) => grouped.ask(item));
  await next(2);
  first.push(grouped.ask(6));
  reads[0]?.answer();
  expect((await next(3)).items).toEqual([5, 6]);
  expect(reads.map(({ items }) => items)).toEqual([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  for (const read of reads) read.answer();
  expect(await Promise.all(first)).toEqual([10, 20, 30, 40, 50, 60]);
});

test('beyond what may wait, questions are refused at once', async () => {
  const { grouped, next } = readStage({ queueMax: 2 });
  const taken = [grouped.ask(1), grouped.ask(2)];
  expect(codeOf(await grouped.ask(3).catch((error: unknown) => error))).toBe('UNAVAILABLE');
  (await next(1)).answer();
  expect(await Promise.all(taken)).toEqual([10, 20]);
});

test('a question at fault fails alone: found by halving', async () => {
  const { grouped } = readStage({
    read: async (items) => {
      if (items.includes(13)) throw new HubError('INVALID_REQUEST');
      return items;
    },
  });
  const results = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => grouped.ask(i)));
  expect(results.flatMap(({ status }, i) => (status === 'rejected' ? [i] : []))).toEqual([13]);
});

test('if the database fails, a group with time left is asked once more, and then told', async () => {
  const { grouped, reads, next } = readStage();
  const lucky = grouped.ask(1);
  (await next(1)).fail(new HubError('UNAVAILABLE'));
  (await next(2)).answer();
  expect(await lucky).toBe(10);
  const unlucky = grouped.ask(2).catch(codeOf);
  (await next(3)).fail(new HubError('UNAVAILABLE'));
  (await next(4)).fail(new HubError('UNAVAILABLE'));
  expect(await unlucky).toBe('UNAVAILABLE');
  expect(reads).toHaveLength(4);
});

test('without time left it is not asked again; the deadline of a group is its first question’s', async () => {
  const { grouped, reads, next } = readStage({ timeoutMs: 200 });
  const before = performance.now();
  const answer = grouped.ask(1).catch(codeOf);
  const read = await next(1);
  expect(read.deadline).toBeGreaterThanOrEqual(before + 200);
  expect(read.deadline).toBeLessThanOrEqual(performance.now() + 200);
  read.fail(new HubError('UNAVAILABLE'));
  expect(await answer).toBe('UNAVAILABLE');
  expect(reads).toHaveLength(1);
});

test('flush resolves once everything asked so far is answered', async () => {
  const { grouped, next } = readStage();
  const done: string[] = [];
  const answer = grouped.ask(1).then(() => done.push('answered'));
  const flushed = grouped.flush().then(() => done.push('flushed'));
  (await next(1)).answer();
  await Promise.all([answer, flushed]);
  expect(done).toEqual(['answered', 'flushed']);
});
