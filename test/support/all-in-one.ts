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

/** A line with the name and the address of a page, as printed for the person who started it. */
const PAGE = /^ {4}(\S.*\S) {2,}(\S.*)$/;
/** The name of the last page in the list. */
const LAST = 'admin';

/** The program of `npm start`, on free ports by default. */
export class AllInOne {
  readonly child: Child;
  readonly port: number;
  readonly adminPort: number;
  /** The printed pages: addresses by name. */
  readonly links: ReadonlyMap<string, string>;
  #cookie: string | undefined;

  private constructor(child: Child, { port, adminPort }: Listening, links: ReadonlyMap<string, string>) {
    this.child = child;
    this.port = port;
    this.adminPort = adminPort;
    this.links = links;
  }

  /**
   * Starts it. Resolves when it has printed its pages. An undefined member of `env` removes a
   * setting. `shell`: commands to run first in the same process.
   */
  static async start(env: Readonly<Record<string, string | undefined>> = {}, shell?: string): Promise<AllInOne> {
    let listening: Listening | undefined;
    const links = new Map<string, string>();
    const onLine = (line: string): void => {
      if (line.startsWith('{') && line.includes('"listening"')) listening = JSON.parse(line) as Listening;
      const [, name = '', address = ''] = PAGE.exec(line) ?? [];
      // In tests `localhost` is another site.
      if (name !== '') links.set(name, address.replace('localhost', '127.0.0.1'));
    };
    const child = AllInOne.launch(env, onLine, shell);
    await until(() => links.has(LAST) || child.ended, {
      timeoutMs: READY_MS,
      describe: () => `the all-in-one listens\n${child.output}`,
    }).catch((error: unknown) => {
      child.signal('SIGKILL');
      throw error;
    });
    if (listening === undefined) throw new Error(`the all-in-one ended at start:\n${child.output}`);
    return new AllInOne(child, listening, links);
  }

  /** Starts the process without waiting, for settings that it must refuse. */
  static launch(
    env: Readonly<Record<string, string | undefined>>,
    onLine: (line: string) => void = () => undefined,
    shell?: string,
  ): Child {
    const { PATH, HOME } = process.env;
    const [program, args] = shell === undefined ? [process.execPath, []] : ['sh', ['-c', `${shell} && exec "$0" "$@"`, process.execPath]];
    return new Child(program, [...args, MAIN], {
      env: { PATH, HOME, PORT: '0', ADMIN_PORT: '0', DRAIN_LISTEN_SECONDS: '0', JWT_SECRET, ...env },
      onLine,
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get wsUrl(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** The chat's address with the key that opens the mailbox. */
  get chatLink(): string {
    return this.links.get('chat') ?? '';
  }

  /** Returns the page of the mailbox, as the person who opened the chat's link gets it. */
  async mailbox(): Promise<string> {
    if (this.#cookie === undefined) {
      const opened = await fetch(this.chatLink, { redirect: 'manual' });
      this.#cookie = opened.headers.get('set-cookie')?.split(';')[0] ?? '';
    }
    return (await fetch(`${this.url}/dev/mailbox`, { headers: { cookie: this.#cookie } })).text();
  }

  /** Sends SIGTERM. Resolves with the exit. */
  async stop(timeoutMs = 60_000): Promise<ChildExit> {
    this.child.signal('SIGTERM');
    return await within(timeoutMs, `the all-in-one ended after SIGTERM\n${this.child.output.slice(-2000)}`, this.child.exited);
  }

  async kill9(): Promise<void> {
    this.child.signal('SIGKILL');
    await this.child.exited;
  }
}
