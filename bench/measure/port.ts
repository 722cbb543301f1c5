import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const WAIT_MS = 60_000;
const STEP_MS = 50;

/** A port of 127.0.0.1 that nobody has at this time. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** Resolves when the port accepts connections. @throws Error after a minute. */
export async function untilListening(port: number): Promise<void> {
  for (const end = performance.now() + WAIT_MS; performance.now() < end; await delay(STEP_MS)) {
    const socket = connect(port, '127.0.0.1');
    const accepted = await Promise.race([once(socket, 'connect').then(() => true), once(socket, 'close').then(() => false)]).catch(
      () => false,
    );
    socket.destroy();
    if (accepted) return;
  }
  throw new Error(`nobody listens at port ${port}`);
}
