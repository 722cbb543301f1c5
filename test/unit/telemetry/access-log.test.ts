import { describe, expect, it } from 'vitest';
import { type AccessEntry, AccessLog, openAccessLog } from '#libs/telemetry/access-log.ts';

const ENTRY: AccessEntry = {
  request: '80000000-0000-4000-8000-000000000000',
  method: 'GET',
  route: '/x',
  status: 200,
  ms: 1.23456,
  address: '::1',
};

function lines(share: number, ...entries: readonly Partial<AccessEntry>[]): object[] {
  const written: object[] = [];
  const log = new AccessLog(share, { info: (fields: object | string) => void written.push(Object(fields)) });
  for (const entry of entries) log.answered({ ...ENTRY, ...entry });
  return written;
}

const id = (first: string): Partial<AccessEntry> => ({ request: `${first}-0000-4000-8000-000000000000` });

describe('the access log', () => {
  it('is none if its share is 0', () => {
    expect(openAccessLog({ accessLogSample: 0 }, { info: () => undefined })).toBeUndefined();
    expect(openAccessLog({ accessLogSample: 0.1 }, { info: () => undefined })).toBeDefined();
  });

  it('has the share of requests that their ids choose, the same at each look', () => {
    expect(lines(0.5, id('00000000'), id('7fffffff'), id('80000000'), id('ffffffff'))).toHaveLength(2);
    expect(lines(1, id('00000000'), id('ffffffff'))).toHaveLength(2);
    expect(lines(0.5, id('7fffffff'), id('7fffffff'))).toHaveLength(2);
  });

  it('has each failure of the hub and each request that is traced; a refusal is chosen as any other', () => {
    const unlikely = id('ffffffff');
    expect(lines(0.001, { ...unlikely, status: 503 }, { ...unlikely, trace: 'a' }, { ...unlikely, status: 429 }, unlikely)).toHaveLength(2);
  });

  it('writes milliseconds with three places', () => {
    expect(lines(1, {})).toEqual([{ ...ENTRY, ms: 1.235 }]);
  });
});
