import { describe, expect, it } from 'vitest';
import { chatMessage, page, StageSocket } from '#test/support/client-stage.ts';
import { StayingClient } from '#test/support/staying-client.ts';
import { until } from '#test/support/wait.ts';

/** A client that is welcomed, and the other end of its line. */
async function welcomed(): Promise<{ readonly client: StayingClient; readonly socket: StageSocket }> {
  const sockets: StageSocket[] = [];
  const client = new StayingClient({
    user: 'ada',
    url: () => 'ws://hub.test',
    WebSocket: class extends StageSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        sockets.push(this);
      }
    },
  });
  const socket = await until(() => sockets[0], { everyMs: 1 });
  socket.say({ type: 'welcome', user: { id: 'ada' }, heartbeat: 25, expiresAt: Date.now() / 1000 + 3600, limits: { frameBytes: 16_384 } });
  return { client, socket };
}

describe('a client that is held to its word', () => {
  it('is at peace with losses told of in a room that is not joined, and what comes after them', async () => {
    const { client, socket } = await welcomed();
    const room = 'dm:x';
    socket.say({ type: 'message', room, offset: 5, message: chatMessage('dm:x-5') });
    for (const offset of [9, 12]) {
      socket.say({ type: 'resync', room, epoch: 'e', offset, recovered: false, messages: page(room, offset - 1, offset) });
      await Promise.resolve();
    }
    socket.say({ type: 'message', room, offset: 13, message: chatMessage('dm:x-13') });
    await Promise.resolve();
    expect(client.ledger.violations).toEqual([]);
    expect(client.shown.map(({ id }) => id)).toEqual(['dm:x-5', 'dm:x-8', 'dm:x-9', 'dm:x-11', 'dm:x-12', 'dm:x-13']);
    client.client.close();
  });

  it('tells of a message that the hub sends ahead of an older one, as of any other that is out of order', async () => {
    const { client, socket } = await welcomed();
    for (const offset of [2, 1]) socket.say({ type: 'message', room: 'dm:x', offset, message: chatMessage(`dm:x-${offset}`) });
    expect(client.ledger.violations).toEqual([{ kind: 'handover', detail: 'ada: dm:x-1 of dm:x, live at 1, comes after 2' }]);
    client.client.close();
  });
});
