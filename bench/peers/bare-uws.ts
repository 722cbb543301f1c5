/**
 * The limit on one node: uWebSockets.js and nothing else. A received frame is published, as it came, to the topic of its room.
 *
 * Usage: `node bench/peers/bare-uws.ts [maxBackpressure]`. Logs `{"msg":"listening","port":N}` when it takes connections.
 */
import { openRooms } from './room-server.ts';

const server = openRooms({
  maxBackpressure: Number(process.argv[2] ?? 1024 * 1024),
  received: (room, payload) => server.publish(room, payload),
});
