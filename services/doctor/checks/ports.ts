import { createServer } from 'node:net';
import { broken, type Check, type Finding, holds } from '../check.ts';

const ANSWER_MS = 2000;

/** The ports: free, or those of a program of the hub that runs here already. */
export const ports: Check = {
  name: 'ports',
  async run({ config: { port, host, adminPort, adminHost } }) {
    if (await isParley(adminHost ?? '127.0.0.1', adminPort)) return [holds(`A program of the hub answers at ADMIN_PORT ${adminPort}.`)];
    const asked = [
      ['PORT', port, host],
      ['ADMIN_PORT', adminPort, adminHost],
    ] as const;
    return Promise.all(asked.map(([name, number, address]) => look(name, number, address)));
  },
};

async function look(name: string, port: number, host: string | undefined): Promise<Finding> {
  if (port === 0) return holds(`${name} is 0: any free port.`);
  const error = await listenError(port, host);
  if (error === undefined) return holds(`${name} ${port} is free.`);
  const why = error === 'EADDRINUSE' ? 'another program has it' : `it cannot be opened (${error})`;
  return broken(`${name} ${port}: ${why}.`, `End that program, or set ${name} to another port.`);
}

function listenError(port: number, host: string | undefined): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, ...(host !== undefined && { host }) }, () => server.close(() => resolve(undefined)));
  });
}

/** Whether the admin port of one of our programs answers. */
async function isParley(host: string, port: number): Promise<boolean> {
  if (port === 0) return false;
  const name = host.includes(':') ? `[${host}]` : host;
  try {
    const answer = await fetch(`http://${name}:${port}/metrics`, { signal: AbortSignal.timeout(ANSWER_MS) });
    return (await answer.text()).includes('parley_build_info');
  } catch {
    return false;
  }
}
