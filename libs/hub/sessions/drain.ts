/** The drain of a node (D1). */

import type { Clock } from '#libs/hub/ports/clock.ts';
import { buildFrame } from '#libs/protocol/server-frame.ts';
import type { Connection } from './connection.ts';

/** Connections sent to the other nodes a second: a fraction of what one node can admit. */
const PACE = 1000;
const BATCH_MS = 50;
/** Seconds of the drain that are kept for the last answers and for giving presence back. */
const RESERVE_SECONDS = 2;
const WINDOW_MIN_SECONDS = 0.5;
/** Seconds that a client may take to come back after its delay. */
const RETURN_SECONDS = 1;

/**
 * Seconds over which connections are closed, for so many of them in a drain of so many seconds: as
 * long as their number needs, half a second at least, never into the reserve.
 */
export function drainWindow(connections: number, seconds: number): number {
  return Math.max(0, Math.min(Math.max(WINDOW_MIN_SECONDS, connections / PACE), seconds - RESERVE_SECONDS));
}

/**
 * Sends each connection `draining` with its own delay and closes it with 1012, in batches spread
 * over the window. The delays are spread over the window, too, so that the other nodes see a slope
 * and no step. Then waits for messages under way, inside the reserve. If time is left, waits until
 * the last client can be back: a user who is back is not announced as gone when presence is given
 * back.
 */
export async function drainConnections(
  connections: readonly Connection[],
  seconds: number,
  clock: Clock,
  inFlight: () => number,
): Promise<void> {
  const window = drainWindow(connections.length, seconds);
  const batches = Math.max(1, Math.floor((window * 1000) / BATCH_MS));
  const size = Math.ceil(connections.length / batches);
  for (let start = 0; start < connections.length; start += size) {
    const batch = connections.slice(start, start + size);
    for (const [index, connection] of batch.entries()) {
      // Evenly spaced, not random: the last connection gets the whole window, none gets more.
      const place = (start + index + 1) / connections.length;
      connection.send(buildFrame('draining', { reconnectIn: Math.round(place * window * 1000) / 1000 }));
      connection.end('DRAINING');
    }
    await clock.wait(BATCH_MS);
  }
  // The last client got the whole window as its delay. Half of the time is left for answers and
  // presence, because Redis may be slow.
  const grace = connections.length > 0 ? Math.min(window + RETURN_SECONDS, seconds / 2 - window) * 1000 : 0;
  // In steps: after a freeze one long wait would be over at once, before the clients had any of it
  // to come back.
  for (let waited = 0; waited < grace; waited += BATCH_MS) await clock.wait(BATCH_MS);
  for (let waited = 0; inFlight() > 0 && waited < (RESERVE_SECONDS * 1000) / 2; waited += BATCH_MS) await clock.wait(BATCH_MS);
}
