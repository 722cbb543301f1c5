/**
 * The limit on one node: uWebSockets.js and nothing else. It publishes each frame, unchanged, to
 * the topic of its room.
 *
 * Usage: `node bench/peers/bare-uws.ts [maxBackpressure]`. Logs `{"msg":"listening","port":N}` when
 * it accepts connections.
 */
import { openRooms } from './room-server.ts';

const server = openRooms({
  maxBackpressure: Number(process.argv[2] ?? 1024 * 1024),
  received: (room, payload) => server.publish(room, payload),
});
