/**
 * The limit on two nodes: bare uWebSockets.js servers that relay raw bytes through Redis with ioredis, as anyone would write it. A
 * received frame is PUBLISHed at once; what the one subscriber connection brings is published to the room's topic.
 *
 * Usage: `node bench/peers/pair-uws.ts <redis url> [maxBackpressure]`. Logs `{"msg":"listening","port":N}`.
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
  // The bytes are gone when the handler returns: ioredis writes in a later turn, so a copy is due, as in any server.
  received: (room, payload) => void commands.publish(room, Buffer.from(payload.slice(0))),
  joined: (room) => {
    if (rooms.has(room)) return;
    rooms.add(room);
    void subscriber.subscribe(room);
  },
});
