import { afterEach, describe, expect, it } from 'vitest';
import { dayFrom, untilNextDay } from '#services/web/src/conversation/calendar.ts';

const HOUR = 3_600_000;
const home = process.env['TZ'];

afterEach(() => {
  if (home === undefined) delete process.env['TZ'];
  else process.env['TZ'] = home;
});

/** The device is in this time zone. */
const live = (zone: string) => {
  process.env['TZ'] = zone;
};
const at = (text: string) => new Date(text).getTime();

describe('the day of a message', () => {
  it.each([
    // The day has 25 hours: 24 hours before its end are on the same day.
    ['Europe/Berlin', '2026-10-24T12:00:00', '2026-10-25T23:30:00', 'yesterday'],
    ['America/New_York', '2026-10-31T23:59:59', '2026-11-01T23:59:59', 'yesterday'],
    ['America/New_York', '2026-10-30T23:59:59', '2026-11-01T23:59:59', 'other'],
    // The day before has 23 hours: 24 hours earlier are two days earlier.
    ['Europe/Berlin', '2026-03-29T23:00:00', '2026-03-30T00:15:00', 'yesterday'],
    ['Europe/Berlin', '2026-03-28T23:30:00', '2026-03-30T00:15:00', 'other'],
    // The day has no midnight.
    ['America/Santiago', '2026-09-05T23:30:00', '2026-09-06T01:00:00', 'yesterday'],
    ['Africa/Cairo', '2026-04-23T10:00:00', '2026-04-24T10:00:00', 'yesterday'],
    // The whole day was left out.
    ['Pacific/Apia', '2011-12-29T12:00:00', '2011-12-31T12:00:00', 'other'],
    ['UTC', '2026-12-31T12:00:00', '2027-01-01T00:00:00', 'yesterday'],
    ['UTC', '2026-12-31T00:00:00', '2026-12-31T23:59:59', 'today'],
    // The clock of the device may be behind that of the hub.
    ['UTC', '2027-01-01T00:00:01', '2026-12-31T23:59:59', 'other'],
  ])('in %s, of %s at %s, is %s', (zone, message, now, day) => {
    live(zone);
    expect(dayFrom(at(message), at(now))).toBe(day);
  });

  it.each([
    ['Europe/Berlin', '2026-10-25T00:00:00', 25],
    ['Europe/Berlin', '2026-03-29T00:00:00', 23],
    ['UTC', '2026-12-31T00:00:00', 24],
  ])('in %s, from %s, lasts %d hours', (zone, now, hours) => {
    live(zone);
    expect(untilNextDay(at(now))).toBe(hours * HOUR);
  });
});
