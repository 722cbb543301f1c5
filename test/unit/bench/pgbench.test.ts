import { describe, expect, it } from 'vitest';
import { insertScript, transactionsPerSecond } from '#bench/measure/pgbench.ts';

describe('pgbench', () => {
  it('is given one statement without a colon, which begins a variable', () => {
    const script = insertScript(200);
    expect(script).toMatch(/^INSERT INTO messages [^:]*generate_series\(1, 200\) AS n;\n$/);
  });

  it('says what it got to', () => {
    expect(transactionsPerSecond('tps = 1611.164839 (without initial connection time)')).toBe(1611.164839);
    expect(transactionsPerSecond('latency average = 0.621 ms')).toBeUndefined();
  });
});
