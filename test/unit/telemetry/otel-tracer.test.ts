import { afterAll, describe, expect, it, vi } from 'vitest';
import { OtelTracer, type OtelTracerOptions } from '#libs/telemetry/otel-tracer.ts';
import type { TraceHeaders } from '#libs/telemetry/tracer.ts';

const made: OtelTracer[] = [];
afterAll(() => Promise.all(made.map((tracer) => tracer.close())));

/** Nothing is sent: no span of these tests ends. */
function tracer(sampler: OtelTracerOptions['sampler'], ratio = 1): OtelTracer {
  const one = new OtelTracer({
    url: 'http://127.0.0.1:9/v1/traces',
    protocol: 'http/protobuf',
    headers: {},
    timeoutMs: 100,
    sampler,
    ratio,
    resource: { 'service.name': 'test' },
    delayMs: 60_000,
    queueMax: 10,
    counted: () => undefined,
    log: { warn: () => undefined },
  });
  made.push(one);
  return one;
}

/** A trace whose number, by which a ratio decides, is the highest or the lowest one. */
const HIGH = '0000000000000000000000007fffffff';
const LOW = '00000000000000000000000000000001';
const context = (trace: string, flags: string): TraceHeaders => ({ traceparent: `00-${trace}-00f067aa0ba902b7-${flags}` });

describe('a trace', () => {
  it.each<[OtelTracerOptions['sampler'], number, boolean, boolean, boolean]>([
    // begins here; the one who began it records it; does not
    ['always_on', 0, true, true, true],
    ['always_off', 1, false, false, false],
    ['traceidratio', 1, true, true, true],
    ['traceidratio', 0, false, false, false],
    ['parentbased_always_on', 0, true, true, false],
    ['parentbased_always_off', 1, false, true, false],
    ['parentbased_traceidratio', 0, false, true, false],
    ['parentbased_traceidratio', 1, true, true, false],
  ])('%s with %d is chosen if it begins here: %s, is recorded elsewhere: %s, is not: %s', (sampler, ratio, here, on, off) => {
    const chosen = tracer(sampler, ratio);
    const resumed = (flags: string): boolean => chosen.resume(context(LOW, flags), 'x', 'server', {}) !== undefined;
    expect([chosen.begin('x', 'server', {}) !== undefined, resumed('01'), resumed('00')]).toEqual([here, on, off]);
  });

  it('is chosen by its id if a ratio decides about those of others, so that all programs choose alike', () => {
    const half = tracer('traceidratio', 0.25);
    expect(half.resume(context(LOW, '00'), 'x', 'server', {})?.traceId).toBe(LOW);
    expect(half.resume(context(HIGH, '01'), 'x', 'server', {})).toBeUndefined();
  });

  it('begins in as many of all cases as the ratio says', () => {
    const random = vi.spyOn(Math, 'random');
    const tenth = tracer('parentbased_traceidratio', 0.1);
    const begins = (value: number): boolean => {
      random.mockReturnValue(value);
      return tenth.begin('x', 'server', {}) !== undefined;
    };
    expect([0, 0.099, 0.1, 0.999].map(begins)).toEqual([true, true, false, false]);
  });

  it.each([
    ['nothing', undefined],
    ['no context', 'hello'],
    ['an id of zeros', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`],
    ['two contexts in one line', `00-${LOW}-00f067aa0ba902b7-01, 00-${HIGH}-00f067aa0ba902b7-01`],
    ['capitals', `00-${'A'.repeat(32)}-00f067aa0ba902b7-01`],
  ])('begins anew if its headers have %s', (_name, traceparent) => {
    const span = tracer('parentbased_always_on').resume({ traceparent }, 'x', 'server', {});
    expect(span?.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect([LOW, HIGH, '0'.repeat(32)]).not.toContain(span?.traceId);
  });

  it('is continued by what its span says of itself', () => {
    const here = tracer('always_on');
    const span = here.begin('x', 'server', {});
    const there = tracer('parentbased_always_off').resume({ traceparent: span?.traceparent }, 'y', 'consumer', {});
    expect(there?.traceId).toBe(span?.traceId);
    expect(there?.traceparent).not.toBe(span?.traceparent);
  });

  it('is active in all that its work awaits, and no longer than its span', async () => {
    const here = tracer('always_on');
    const span = here.begin('x', 'server', {});
    if (span === undefined) throw new Error('not chosen');
    expect(here.active).toBeUndefined();
    const seen = here.within(span, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return here.active;
    });
    expect(here.active).toBeUndefined();
    expect(await seen).toBe(span);
  });
});
