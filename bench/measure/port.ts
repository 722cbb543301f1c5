import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const WAIT_MS = 60_000;
const STEP_MS = 50;

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
