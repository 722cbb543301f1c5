import { fileURLToPath } from 'node:url';

import { Child, type ChildExit } from './child.ts';
import { JWT_SECRET } from './jwt.ts';
import { until, within } from './wait.ts';

const MAIN = fileURLToPath(new URL('../../services/all-in-one/main.ts', import.meta.url));
const READY_MS = 60_000;

interface Listening {
  readonly port: number;
  readonly adminPort: number;
}

/** What `npm start` runs, with free ports unless it is told others. */
export class AllInOne {
  readonly child: Child;
  readonly port: number;
  readonly adminPort: number;

  private constructor(child: Child, { port, adminPort }: Listening) {
    this.child = child;
    this.port = port;
    this.adminPort = adminPort;
  }

  /** Resolves when it says `listening`. An undefined member of `env` takes a setting out. */
  static async start(env: Readonly<Record<string, string | undefined>> = {}): Promise<AllInOne> {
    let listening: Listening | undefined;
    const child = AllInOne.launch(env, (line) => {
      if (line.startsWith('{') && line.includes('"listening"')) listening = JSON.parse(line) as Listening;
    });
    await until(() => listening ?? child.ended, { timeoutMs: READY_MS, describe: () => `the all-in-one listens\n${child.output}` }).catch(
      (error: unknown) => {
        child.signal('SIGKILL');
        throw error;
      },
    );
    if (listening === undefined) throw new Error(`the all-in-one ended at start:\n${child.output}`);
    return new AllInOne(child, listening);
  }

  /** Starts the process and waits for nothing: for settings it must refuse. */
  static launch(env: Readonly<Record<string, string | undefined>>, onLine: (line: string) => void = () => undefined): Child {
    const { PATH, HOME } = process.env;
    return new Child(process.execPath, [MAIN], {
      env: { PATH, HOME, PORT: '0', ADMIN_PORT: '0', JWT_SECRET, ...env },
      onLine,
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get wsUrl(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** SIGTERM; resolves with the exit. */
  async stop(timeoutMs = 60_000): Promise<ChildExit> {
    this.child.signal('SIGTERM');
    return await within(timeoutMs, `the all-in-one ended after SIGTERM\n${this.child.output.slice(-2000)}`, this.child.exited);
  }

  async kill9(): Promise<void> {
    this.child.signal('SIGKILL');
    await this.child.exited;
  }
}
