/** How a node leaves (D1). */

import type { Clock } from '#libs/hub/ports/clock.ts';
import { buildFrame } from '#libs/protocol/server-frame.ts';
import type { Connection } from './connection.ts';

/** The pace at which connections are sent to the other nodes, a second: a fraction of what one node can admit. */
const PACE = 1000;
const BATCH_MS = 50;
/** What of the drain time is kept for the last answers and for giving presence back, seconds. */
const RESERVE_SECONDS = 2;
const WINDOW_MIN_SECONDS = 0.5;
/** What those who come back when they were told to may take for it, seconds. */
const RETURN_SECONDS = 1;

/**
 * Seconds over which connections are closed, for so many of them in a drain of so many seconds: as long as their number needs, half a second
 * at least, never into the reserve.
 */
export function drainWindow(connections: number, seconds: number): number {
  return Math.max(0, Math.min(Math.max(WINDOW_MIN_SECONDS, connections / PACE), seconds - RESERVE_SECONDS));
}

/**
 * Sends each connection `draining` with its own delay and closes it with 1012, in batches spread over the window. The delays are spread over the window,
 * too, so that the other nodes see a slope and no step. Then waits for messages under way, inside the reserve. If time is left, waits until the last client
 * can be back: a user who is back is not announced as gone when presence is given back.
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
      // Evenly spaced, not random: the last one gets the whole window, nobody more.
      const place = (start + index + 1) / connections.length;
      connection.send(buildFrame('draining', { reconnectIn: Math.round(place * window * 1000) / 1000 }));
      connection.end('DRAINING');
    }
    await clock.wait(BATCH_MS);
  }
  // The last one was told the window when it was closed. Half of the time is left for the answers and for presence, which Redis may keep waiting.
  const grace = connections.length > 0 ? Math.min(window + RETURN_SECONDS, seconds / 2 - window) * 1000 : 0;
  // In steps: a process that stood still would find one long wait over at its wake-up, before those who come back had any of it.
  for (let waited = 0; waited < grace; waited += BATCH_MS) await clock.wait(BATCH_MS);
  for (let waited = 0; inFlight() > 0 && waited < (RESERVE_SECONDS * 1000) / 2; waited += BATCH_MS) await clock.wait(BATCH_MS);
}
