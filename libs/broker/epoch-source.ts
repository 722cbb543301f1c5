import { randomBytes } from 'node:crypto';

/** Gives an epoch that was never given before: 16 characters. */
export type EpochSource = () => string;

/** Epochs that no other process gives either: a random part for the process, and a count. Cheap enough for one with each publication. */
export function epochSource(random: string = randomBytes(8).toString('base64url').slice(0, 10)): EpochSource {
  let count = 0;
  return () => random + (count++).toString(36).padStart(6, '0');
}

/** Base36 digits of a Unix second, good until the year 4453. */
const SECOND_DIGITS = 7;

/** The epoch of a room with an archive tells when it began: its first characters are the Unix second. `now` in Unix milliseconds. */
export function datedEpoch(now: number): string {
  const second = Math.floor(now / 1000).toString(36);
  return (
    second.padStart(SECOND_DIGITS, '0') +
    randomBytes(7)
      .toString('base64url')
      .slice(0, 16 - SECOND_DIGITS)
  );
}

/** When a dated epoch began, Unix milliseconds. */
export function epochBegan(epoch: string): number {
  return Number.parseInt(epoch.slice(0, SECOND_DIGITS), 36) * 1000;
}
