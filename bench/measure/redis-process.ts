import { freePort } from '#test/support/free-port.ts';
import { LOAD_CORE, PinnedProcess } from './process.ts';

/** A Redis of the bench's own, without a disk, on the load's core. */
export interface RedisProcess {
  readonly url: string;
  readonly process: PinnedProcess;
}

/**
 * Starts `redis-server`. @throws Error if it is not installed.
 *
 * @param port Default: a free one.
 */
export async function startRedis(port?: number): Promise<RedisProcess> {
  const taken = port ?? (await freePort());
  const process = PinnedProcess.program('redis-server', LOAD_CORE, [
    'redis-server',
    '--port',
    String(taken),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--client-output-buffer-limit',
    'pubsub 256mb 64mb 60',
  ]);
  await process.line((line) => (line.includes('Ready to accept connections') ? true : undefined));
  return { url: `redis://127.0.0.1:${taken}`, process };
}
