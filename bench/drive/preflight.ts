import { readFileSync } from 'node:fs';
import { UsageError } from './scenario.ts';
import { LoadSocket, Refusal } from './socket.ts';
import type { Target } from './target.ts';

/** Files that a process has open beside its connections. */
const OTHER_FILES = 64;
const WELCOME_MS = 10_000;

/** @throws UsageError if this machine's limit of open files is below what a worker needs. */
export function checkOpenFiles(connections: number, workers: number): void {
  const limit = Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1] ?? Number.POSITIVE_INFINITY);
  const each = Math.ceil(connections / workers);
  if (each + OTHER_FILES <= limit) return;
  throw new UsageError(
    `Each of ${workers} workers would hold ${each} connections, and a process may open ${limit} files here (ulimit -n). Take --workers ${Math.ceil(connections / (limit - OTHER_FILES))}, or raise the limit.`,
  );
}

/**
 * Connects once, to see that it can be done.
 * @throws UsageError that says why not, and what to do.
 */
export async function checkTarget(target: Target, token: string, from: string | undefined): Promise<void> {
  let socket: LoadSocket | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Refusal('NO PARLEY', 'it sent no welcome')), WELCOME_MS);
      const settle = (error?: Refusal): void => {
        clearTimeout(timer);
        if (error === undefined) resolve();
        else reject(error);
      };
      LoadSocket.open({
        target,
        path: '/ws/chat',
        token,
        from,
        events: {
          frame: (chunk, start) =>
            settle(
              chunk.toString('latin1', start, start + 17) === '{"type":"welcome"'
                ? undefined
                : new Refusal('NO PARLEY', 'its first frame is no welcome'),
            ),
          closed: (code) => settle(new Refusal(`close ${code}`, 'it closed the connection at once')),
        },
      }).then((opened) => {
        socket = opened;
      }, settle);
    });
  } catch (error) {
    throw new UsageError(sentence(target, error instanceof Refusal ? error : new Refusal('ERROR', String(error))));
  } finally {
    socket?.end();
  }
}

function sentence({ name }: Target, { code, message }: Refusal): string {
  switch (code) {
    case 'ECONNREFUSED':
      return `Nobody listens at ${name}: is the hub running, and is this its public port?`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${name} has no address: is the name right?`;
    case 'EADDRNOTAVAIL':
      return 'An address of --from is none of this machine.';
    case 'TOKEN_EXPIRED':
      return `${name} refuses the token (${code}): JWT_SECRET, JWT_ISSUER and JWT_AUDIENCE have to be those of the hub, and the clocks have to agree.`;
    case 'MISSING_TOKEN':
      return `${name} got no token: a proxy on the way takes the header Authorization off.`;
    case 'FORBIDDEN':
    case 'BANNED':
      return `${name} does not let this user in (${code}).`;
    case 'RATE_LIMITED':
      return `${name} limits this machine (${code}): set HANDSHAKES_PER_MINUTE and CONNECTIONS_PER_ADDRESS of the hub to 0 for the load, or load from more addresses.`;
    case 'OVERLOADED':
    case 'DRAINING':
    case 'UNAVAILABLE':
      return `${name} takes nobody now (${code}): ${message}`;
    case 'NO PARLEY':
    case 'NO HTTP':
      return `${name} is no Parley: ${message === '' ? 'it does not speak HTTP' : message}.`;
    default:
      return code.startsWith('HTTP ')
        ? `${name} is no Parley, or a proxy does not pass WebSockets on: it answers ${message}.`
        : `${name} cannot be reached: ${code}, ${message}.`;
  }
}
