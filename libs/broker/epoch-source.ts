/** Makes epochs of sequences (M3). */
import { randomBytes } from 'node:crypto';

/** Returns a new epoch of 16 characters. It never returns one twice. */
export type EpochSource = () => string;

/**
 * Makes a source of epochs that no other process makes: a random part for each process, then a
 * count. Cheap enough for one call for each publication.
 */
export function epochSource(random: string = randomBytes(8).toString('base64url').slice(0, 10)): EpochSource {
  let count = 0;
  return () => random + (count++).toString(36).padStart(6, '0');
}

/** Base36 digits of a Unix second, good until the year 4453. */
const SECOND_DIGITS = 7;

/**
 * Makes an epoch for a room with an archive. Its first 7 characters are the Unix second at which it
 * begins.
 *
 * @param now Unix milliseconds.
 */
export function datedEpoch(now: number): string {
  const second = Math.floor(now / 1000).toString(36);
  return (
    second.padStart(SECOND_DIGITS, '0') +
    randomBytes(7)
      .toString('base64url')
      .slice(0, 16 - SECOND_DIGITS)
  );
}

/** Returns the time at which a dated epoch began, in Unix milliseconds. */
export function epochBegan(epoch: string): number {
  return Number.parseInt(epoch.slice(0, SECOND_DIGITS), 36) * 1000;
}
