/** For commands: work on a connection of its own, which is closed at the end. */
import type pg from 'pg';
import { Connections } from './connections.ts';

const CONNECT_MS = 10_000;

/** Resolves as the work does. Rejects with PostgreSQL's error, whose message does not contain the URL. */
export async function onOneConnection<T>(url: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const connections = new Connections({
    url,
    poolSize: 1,
    connectMs: CONNECT_MS,
    limits: undefined,
    applicationName: 'parley-migrate',
    onError: () => undefined,
  });
  try {
    const client = await connections.acquire(performance.now() + CONNECT_MS);
    try {
      return await work(client);
    } finally {
      connections.release(client, 'close');
    }
  } finally {
    await connections.close();
  }
}
