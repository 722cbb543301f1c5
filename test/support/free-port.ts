import { createServer } from 'node:net';

const given = new Set<number>();

/**
 * Each process of a test run takes its own share of the ports. Otherwise a port whose server is
 * down for a moment looks free to the others.
 */
const LANES = 4;
const LANE_PORTS = 10_000 / LANES;
const lane = Number(process.env.VITEST_POOL_ID ?? 0) % LANES;

/**
 * Finds a free TCP port of 127.0.0.1. It lies below the ports of outgoing connections, so that a
 * server can restart on its port. The port 10,000 above (the bus of a Redis Cluster) is free, too.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor((lane + Math.random()) * LANE_PORTS);
    if (given.has(port)) continue;
    if ((await isFree(port)) && (await isFree(port + 10_000))) {
      given.add(port);
      return port;
    }
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
