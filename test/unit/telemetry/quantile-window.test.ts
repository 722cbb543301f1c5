import { expect, it } from 'vitest';
import { QuantileWindow } from '#libs/telemetry/quantile-window.ts';
import { Timing } from '#libs/telemetry/timing-histogram.ts';

const series = () => new Timing({}, Float64Array.of(0.1, 1, 10));

it('is of what was recorded since the last look, over all series together', () => {
  const [one, two] = [series(), series()];
  one.record(5);
  const median = new QuantileWindow([one, two], 0.5);
  expect(median.next()).toBeNull();
  one.record(0.05);
  two.record(0.05);
  // Two in the first bucket: half of it.
  expect(median.next()).toBeCloseTo(0.05);
  two.record(2);
  expect(median.next()).toBeCloseTo(5.5);
  expect(median.next()).toBeNull();
});

it('is the highest bound for what lies above it', () => {
  const one = series();
  const p99 = new QuantileWindow([one], 0.99);
  one.record(60);
  expect(p99.next()).toBe(10);
});

it('is of a hundred the one that one of them exceeds', () => {
  const one = series();
  const p99 = new QuantileWindow([one], 0.99);
  for (let n = 0; n < 98; n += 1) one.record(0.01);
  for (let n = 0; n < 2; n += 1) one.record(0.5);
  expect(p99.next()).toBeGreaterThan(0.1);
  expect(p99.next()).toBeNull();
});
