import type { Thresholds } from './options.ts';
import type { Settled } from './orders.ts';
import type { Merged } from './samples.ts';

/** Messages of so many seconds may wait. */
const WAITING_SECONDS = 3;

/** A threshold that a run broke, as a person reads it. */
export type Breach = string;

/** Compares a run with its thresholds. Without a ledger, `lost` is not looked at. */
export function breachesOf(run: Merged, ledger: Settled | undefined, thresholds: Thresholds): Breach[] {
  const breaches: Breach[] = [];
  const time = (what: string, percentile: number, most: number | undefined): void => {
    if (most === undefined) return;
    if (Number.isNaN(percentile)) breaches.push(`${what} cannot be told: there was none`);
    else if (percentile > most) breaches.push(`${what} is ${percentile.toFixed(1)} ms, and ${most} ms is the most`);
  };
  time('the 99th percentile of deliveries', run.percentile('delivery', 99), thresholds.p99);
  time('the 99th percentile of acks', run.percentile('ack', 99), thresholds.ackP99);
  time('the 99th percentile of connects', run.percentile('connect', 99), thresholds.connectP99);
  if (thresholds.lost !== undefined && ledger !== undefined && ledger.lost > thresholds.lost)
    breaches.push(`${ledger.lost} deliveries were lost, and ${thresholds.lost} is the most`);
  return breaches;
}

/**
 * Compares a step of a search for the capacity with its thresholds. A step also breaks if messages
 * were refused or not sent, or if the messages of three seconds wait for their answer.
 */
export function stepBreaches(step: Merged, rate: number, thresholds: Thresholds): Breach[] {
  const breaches = breachesOf(step, undefined, thresholds);
  const { refused, unsent } = step.counts;
  if (refused > 0) breaches.push(`${refused} messages were refused (${errorsOf(step, 'message') || 'no code'})`);
  if (unsent > 0) breaches.push(`${unsent} messages found their writer disconnected (${errorsOf(step, 'closed') || 'no close'})`);
  if (step.waiting > WAITING_SECONDS * rate) breaches.push(`${step.waiting} messages wait for their answer`);
  return breaches;
}

/** The errors of a kind, the most frequent first: `BUSY 12, MUTED 3`. */
export function errorsOf(run: Merged, kind: string): string {
  return Object.entries(run.errors)
    .filter(([key]) => key.startsWith(`${kind} `))
    .sort(([, one], [, other]) => other - one)
    .map(([key, count]) => `${key.slice(kind.length + 1)} ${count}`)
    .join(', ');
}
