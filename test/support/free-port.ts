import { createServer } from 'node:net';

const given = new Set<number>();

/** The processes of one test run have ports of their own each: a port whose server is down for a moment looks free to the others. */
const LANES = 4;
const LANE_PORTS = 10_000 / LANES;
const lane = Number(process.env.VITEST_POOL_ID ?? 0) % LANES;

/**
 * A TCP port of 127.0.0.1 on which nothing listens. It lies below the range the kernel takes ports of outgoing connections from, so
 * that a server which is restarted on its port finds it free; the port 10,000 above (a Redis Cluster's bus) is free as well.
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
