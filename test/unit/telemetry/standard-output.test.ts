import { Writable } from 'node:stream';
import { beforeEach, expect, test } from 'vitest';
import { BoundedOutput } from '#libs/telemetry/standard-output.ts';
import { turn } from '#test/support/turn.ts';

const MIB = 1024 * 1024;

let read: (() => void)[];
let lines: string[];
let reports: string[];
let output: BoundedOutput;

beforeEach(() => {
  [read, lines, reports] = [[], [], []];
  const stream = new Writable({
    decodeStrings: false,
    write(line: string, _encoding, taken) {
      lines.push(line);
      read.push(taken);
    },
  });
  output = new BoundedOutput(stream);
  output.report = (dropped, cause) => void reports.push(`${dropped} ${cause}`);
});

/** The reader takes all there is. */
async function readAll(): Promise<void> {
  while (read.length > 0) {
    read.shift()?.();
    await turn();
  }
}

test('a line over 1 MiB is dropped alone, and told, whether nothing or little is queued', async () => {
  output.write('x'.repeat(MIB + 1));
  output.write('a');
  output.write('x'.repeat(MIB));
  output.write('b');
  await readAll();
  output.write('c');
  await readAll();
  expect(lines).toEqual(['a', 'b', 'c']);
  expect([output.dropped, reports]).toEqual([2, ['1 too long', '1 too long']]);
});

test('lines that nobody reads are dropped beyond 1 MiB until the queue is empty, and told once', async () => {
  const long = 'x'.repeat(MIB / 4);
  for (let n = 0; n < 6; n++) output.write(long);
  output.write('short');
  expect([output.dropped, reports]).toEqual([3, []]);
  await readAll();
  output.write('a');
  await readAll();
  expect([lines.length, lines.at(-1), reports]).toEqual([5, 'a', ['3 unread']]);
});
