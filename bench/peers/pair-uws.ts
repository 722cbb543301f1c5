/**
 * The limit on two nodes: bare uWebSockets.js servers that relay raw bytes through Redis with
 * ioredis, as anybody would write it. Each sends a frame with PUBLISH at once, and publishes what
 * its subscriber connection gets to the room's topic.
 *
 * Usage: `node bench/peers/pair-uws.ts <redis url> [maxBackpressure]`. Logs
 * `{"msg":"listening","port":N}`.
 */
import { Redis } from 'ioredis';
import { openRooms } from './room-server.ts';

const url = process.argv[2] ?? 'redis://127.0.0.1:6379';
const commands = new Redis(url);
const subscriber = new Redis(url);
const rooms = new Set<string>();

subscriber.on('messageBuffer', (channel: Buffer, payload: Buffer) => server.publish(channel.toString('latin1'), payload));

const server = openRooms({
  maxBackpressure: Number(process.argv[3] ?? 1024 * 1024),
  // The bytes are gone after the handler returns. ioredis writes later, so a copy is needed, as in
  // any server.
  received: (room, payload) => void commands.publish(room, Buffer.from(payload.slice(0))),
  joined: (room) => {
    if (rooms.has(room)) return;
    rooms.add(room);
    void subscriber.subscribe(room);
  },
});
