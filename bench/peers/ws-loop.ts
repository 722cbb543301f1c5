/**
 * `ws` with a loop over the room's sockets, as its README shows a broadcast. Rooms are in the path,
 * as with the bare server.
 *
 * Usage: `node bench/peers/ws-loop.ts`. Logs `{"msg":"listening","port":N}`.
 */
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';

const ROOM_PATH = /^\/chat\/(.+)$/;
const rooms = new Map<string, Set<WebSocket>>();
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', maxPayload: 64 * 1024 });

server.on('connection', (socket, request) => {
  const own = ROOM_PATH.exec(request.url ?? '')?.[1] ?? '';
  const entered = new Set<string>();
  if (own !== '') enter(socket, own, entered);
  socket.on('message', (data: Buffer) => {
    if (data[0] === 0x2b || data[0] === 0x2d) return change(socket, data.toString(), entered);
    for (const client of rooms.get(own) ?? []) if (client.readyState === WebSocket.OPEN) client.send(data, { binary: false });
  });
  socket.on('close', () => {
    for (const room of entered) leave(socket, room, entered);
  });
  // A client that is cut off is a close, too.
  socket.on('error', () => undefined);
});
server.on('listening', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ msg: 'listening', port })}\n`);
});
process.once('SIGTERM', () => process.exit(0));

/** `+room` and `-room` enter and leave a further one, and are sent back. */
function change(socket: WebSocket, text: string, entered: Set<string>): void {
  if (text.startsWith('+')) enter(socket, text.slice(1), entered);
  else leave(socket, text.slice(1), entered);
  socket.send(text);
}

function enter(socket: WebSocket, room: string, entered: Set<string>): void {
  const members = rooms.get(room) ?? new Set();
  rooms.set(room, members.add(socket));
  entered.add(room);
}

function leave(socket: WebSocket, room: string, entered: Set<string>): void {
  const members = rooms.get(room);
  members?.delete(socket);
  if (members?.size === 0) rooms.delete(room);
  entered.delete(room);
}
