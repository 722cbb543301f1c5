import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import type { ChatClient } from './chat-client.ts';
import type { ServerFrame } from './server-frame.ts';

/** What the hub answers where the same message, under the same id, is to be tried again. */
const AGAIN: readonly unknown[] = ['UNAVAILABLE', 'NOT_STORED'];

/**
 * Says something, as an application does: again under the same id until it is acked. For tests that are about what was stored, not about whether it
 * was at the first try. Any other answer rejects as `ChatClient.message` does.
 */
export async function acked(client: ChatClient, room: string, text: string, id: string = randomUUID()): Promise<ServerFrame> {
  for (;;) {
    try {
      return await client.message(room, text, { id });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && AGAIN.includes(error.code))) throw error;
      await delay(100);
    }
  }
}
