import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import type { ChatClient } from './chat-client.ts';
import type { ServerFrame } from './server-frame.ts';

/** The codes after which the same message is sent again under the same id. */
const AGAIN: readonly unknown[] = ['UNAVAILABLE', 'NOT_STORED'];

/**
 * Publishes a message as an application does: again under the same id until it is acknowledged. For
 * tests about stored messages, not about the first try. Any other answer rejects as
 * `ChatClient.message` does.
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
