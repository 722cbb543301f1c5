/**
 * Socket.IO 4 as its documentation writes a chat. A room is joined from the handshake's query, or by
 * `join`. Several servers share a Redis with one of its adapters.
 *
 * Usage: `node bench/peers/socket-io-server.ts [redis|streams] [redis url]`. Without arguments the
 * rooms are in memory. `streams` also recovers connections. Logs `{"msg":"listening","port":N}`.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdapter } from '@socket.io/redis-adapter';
import { createAdapter as createStreamsAdapter } from '@socket.io/redis-streams-adapter';
import { Redis } from 'ioredis';
import { Server, type ServerOptions } from 'socket.io';

const RECOVERY = { connectionStateRecovery: { maxDisconnectionDuration: 120_000, skipMiddlewares: true } } as const;

const [kind = 'memory', url = ''] = process.argv.slice(2);
const http = createServer();
const io = new Server(http, options());

io.on('connection', (socket) => {
  const { room } = socket.handshake.query;
  if (typeof room === 'string' && !socket.recovered) void socket.join(room);
  socket.on('message', (to: string, text: string) => io.to(to).emit('message', text));
  socket.on('join', async (to: string, done: () => void) => {
    await socket.join(to);
    done();
  });
  socket.on('leave', async (from: string, done: () => void) => {
    await socket.leave(from);
    done();
  });
});
http.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ msg: 'listening', port: (http.address() as AddressInfo).port })}\n`);
});
process.once('SIGTERM', () => process.exit(0));

function options(): Partial<ServerOptions> {
  switch (kind) {
    case 'redis': {
      const publisher = new Redis(url);
      return { adapter: createAdapter(publisher, publisher.duplicate()) };
    }
    case 'streams':
      return { adapter: createStreamsAdapter(new Redis(url)), ...RECOVERY };
    default:
      return {};
  }
}
