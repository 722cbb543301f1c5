import { describe, expect, it } from 'vitest';
import { backoff, checkJobId, isPermanent, JobError, QUEUE_SETTINGS, reasonOf } from '#libs/jobs/jobs.ts';
import { HubError } from '#libs/protocol/errors.ts';

describe('the pause before a retry', () => {
  const settings = { backoffMs: 1000, backoffMaxMs: 60_000 };

  it('doubles up to its most, at least half of it certain', () => {
    const most = [1, 2, 3, 4, 5, 6, 7, 8, 50].map((failed) => backoff(settings, failed, 1));
    expect(most).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    for (const failed of [1, 4, 50]) expect(backoff(settings, failed, 0)).toBe(backoff(settings, failed, 1) / 2);
  });

  it('lets the attempts of a mail last about as long as its code is good', () => {
    const { attempts, ...mail } = QUEUE_SETTINGS.mail;
    const pauses = (random: number): number =>
      Array.from({ length: attempts - 1 }, (_, index) => backoff(mail, index + 1, random)).reduce((sum, pause) => sum + pause, 0);
    expect(pauses(0.5)).toBeGreaterThan(600_000);
    expect(pauses(1)).toBeLessThan(1_200_000);
  });
});

describe('what is kept of an error', () => {
  it('is never the text of an error that is not ours', () => {
    expect(reasonOf(new JobError('mail not accepted: 550', { permanent: true }))).toBe('mail not accepted: 550');
    expect(reasonOf(new HubError('UNAVAILABLE', 'bob@corp.test'))).toBe('UNAVAILABLE');
    expect(reasonOf(new RangeError('bob@corp.test'))).toBe('RangeError');
    expect(reasonOf(Object.assign(new Error('bob@corp.test'), { code: 'ECONNRESET' }))).toBe('Error ECONNRESET');
    expect(reasonOf('bob@corp.test')).toBe('failed');
  });

  it('tells what is permanent', () => {
    expect(isPermanent(new JobError('', { permanent: true }))).toBe(true);
    expect(isPermanent(new JobError('', { permanent: false }))).toBe(false);
    expect(isPermanent(Object.assign(new Error(), { permanent: true }))).toBe(false);
  });
});

it("a job's id has 1-200 characters", () => {
  expect(() => checkJobId('')).toThrow(TypeError);
  expect(() => checkJobId('x'.repeat(201))).toThrow(TypeError);
  checkJobId('x'.repeat(200));
});
