/**
 * Several machines load one hub. The one that coordinates listens; the others come to it over TLS
 * with a shared key (RFC 4279), which proves each to the other and keeps the tokens of a part
 * private.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type TLSSocket } from 'node:tls';
import { LocalWorker, type WorkerLink } from './links.ts';
import type { HelperOptions } from './options.ts';
import type { Order, Report } from './orders.ts';
import { UsageError } from './scenario.ts';
import { nowMicros } from './stamp.ts';

/** A line between two machines. */
type Line =
  | { readonly workers: number }
  | { readonly clock: number; readonly answer?: number }
  | { readonly worker: number; readonly order: Order }
  | { readonly worker: number; readonly report: Report };

const PSK = { ciphers: 'PSK', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;
const IDENTITY = 'parley-bench';
/** How long a machine may take to hang up, milliseconds. */
const END_MS = 5000;
/** Looks at the other clock: the one that took least time counts. */
const CLOCK_LOOKS = 5;

function lines(socket: TLSSocket, onLine: (line: Line) => void): void {
  // readline would throw the errors of its input once more.
  let rest = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    const texts = (rest + chunk).split('\n');
    rest = texts.pop() ?? '';
    for (const text of texts) onLine(JSON.parse(text) as Line);
  });
}

const write = (socket: TLSSocket, line: Line): boolean => socket.write(`${JSON.stringify(line)}\n`);

/** A worker of another machine. */
class RemoteWorker implements WorkerLink {
  readonly name: string;
  onReport: (report: Report) => void = () => undefined;
  readonly #socket: TLSSocket;
  readonly #worker: number;

  constructor(socket: TLSSocket, machine: number, worker: number) {
    this.name = `worker ${worker + 1} of machine ${machine + 2}`;
    this.#socket = socket;
    this.#worker = worker;
  }

  tell(order: Order): void {
    write(this.#socket, { worker: this.#worker, order });
  }

  async end(): Promise<void> {
    if (this.#socket.closed) return;
    // Its machine hangs up once its workers are gone.
    const closed = once(this.#socket, 'close');
    const timer = setTimeout(() => this.#socket.destroy(), END_MS);
    this.tell({ order: 'end' });
    await closed;
    clearTimeout(timer);
  }
}

/**
 * Waits until so many machines have come.
 * @throws UsageError if the address cannot be listened at.
 */
export async function waitForMachines(
  { host, port, machines }: { readonly host: string; readonly port: number; readonly machines: number },
  key: string,
  onCome: (count: number) => void,
): Promise<{ readonly links: readonly WorkerLink[]; readonly server: Server }> {
  const links: WorkerLink[] = [];
  return new Promise((resolve, reject) => {
    let come = 0;
    const server = createServer({ ...PSK, pskCallback: (_, identity) => (identity === IDENTITY ? Buffer.from(key) : null) }, (socket) => {
      let mine: RemoteWorker[] = [];
      // If a machine goes, its workers report a failure.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        for (const link of mine) link.onReport({ report: 'failure', message: 'its machine is gone' });
      });
      lines(socket, (line) => {
        if ('clock' in line) write(socket, { clock: line.clock, answer: nowMicros() });
        else if ('workers' in line) {
          const machine = come++;
          mine = Array.from({ length: line.workers }, (_, worker) => new RemoteWorker(socket, machine, worker));
          links.push(...mine);
          onCome(come);
          if (come === machines) resolve({ links, server });
        } else if ('report' in line) mine[line.worker]?.onReport(line.report);
      });
    });
    server.on('error', (error) => reject(new UsageError(`${host}:${port} cannot be listened at: ${error.message}.`)));
    server.listen(port, host);
  });
}

/**
 * Helps another machine until it is done.
 * @throws UsageError if it cannot be reached, or has another key.
 */
export async function help({ host, port, workers, key, from }: HelperOptions, say: (text: string) => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = connect({
      ...PSK,
      host,
      port,
      pskCallback: () => ({ identity: IDENTITY, psk: Buffer.from(key) }),
      // There are no certificates: the key says who it is.
      checkServerIdentity: () => undefined,
    });
    let local: LocalWorker[] = [];
    let offset = 0;
    socket.on('error', (error: NodeJS.ErrnoException) =>
      reject(
        new UsageError(
          local.length > 0
            ? `The connection to ${host}:${port} broke: ${error.message}. The load ended with it.`
            : error.code === 'ECONNREFUSED'
              ? `Nobody coordinates at ${host}:${port}: start it there first, with --coordinate.`
              : `${host}:${port} cannot be joined: ${error.message}. Is BENCH_KEY the same on both?`,
        ),
      ),
    );
    socket.on('close', () => {
      Promise.all(local.map((worker) => worker.end())).then(() => resolve(), reject);
    });
    const clocks: { readonly took: number; readonly offset: number }[] = [];
    lines(socket, (line) => {
      if ('answer' in line && line.answer !== undefined) {
        const now = nowMicros();
        clocks.push({ took: now - line.clock, offset: line.answer - (line.clock + now) / 2 });
        if (clocks.length < CLOCK_LOOKS) {
          write(socket, { clock: nowMicros() });
          return;
        }
        offset = clocks.reduce((best, one) => (one.took < best.took ? one : best)).offset;
        say(`The other clock differs by ${(offset / 1000).toFixed(1)} ms: times are corrected by it.`);
        local = Array.from({ length: workers }, (_, worker) => {
          const link = new LocalWorker(`worker ${worker + 1}`);
          link.onReport = (report) => write(socket, { worker, report });
          return link;
        });
        write(socket, { workers });
      } else if ('order' in line) {
        const { order } = line;
        if (order.order === 'end') {
          socket.end();
          return;
        }
        local[line.worker]?.tell(order.order === 'part' ? { order: 'part', part: { ...order.part, clockOffset: offset, from } } : order);
      }
    });
    socket.once('secureConnect', () => write(socket, { clock: nowMicros() }));
  });
}
