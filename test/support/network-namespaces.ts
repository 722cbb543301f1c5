import { execFileSync } from 'node:child_process';

/** A machine of its own as far as its network goes: a network namespace. */
interface Machine {
  /** Its address on the line to the other machine. */
  readonly address: string;
  /** The prefix of a command that runs there. */
  readonly command: readonly string[];
}

/**
 * Two network namespaces: a line (a veth pair) between them, and one from each to this machine. They
 * share no loopback with it or with each other. Needs root and `ip` of iproute2.
 */
export class NetworkNamespaces {
  readonly machines: readonly [Machine, Machine];
  /** The address of this machine that both reach. */
  readonly here: string;
  readonly #names: readonly [string, string];
  readonly #links: readonly string[];

  /** Makes them. @throws Error that says what is needed, if they cannot be made. */
  static make(): NetworkNamespaces {
    const namespaces = new NetworkNamespaces(process.pid);
    try {
      namespaces.#make();
    } catch (error) {
      namespaces.remove();
      throw new Error('Network namespaces cannot be made: this needs root and `ip` (Debian: apt-get install iproute2).', { cause: error });
    }
    return namespaces;
  }

  private constructor(pid: number) {
    const net = `10.${200 + (pid % 50)}`;
    this.#names = [`parley-a-${pid}`, `parley-b-${pid}`];
    this.#links = [`pa${pid}`, `pb${pid}`];
    this.here = `${net}.1.1`;
    const [one, other] = this.#names;
    this.machines = [
      { address: `${net}.3.1`, command: ['ip', 'netns', 'exec', one] },
      { address: `${net}.3.2`, command: ['ip', 'netns', 'exec', other] },
    ];
  }

  remove(): void {
    // Their ends of the lines go with them.
    for (const name of this.#names) {
      try {
        ip('netns', 'del', name);
      } catch {
        // It was not made.
      }
    }
  }

  #make(): void {
    const [one, other] = this.#names;
    const [toOne = '', toOther = ''] = this.#links;
    const net = this.here.split('.').slice(0, 2).join('.');
    for (const name of [one, other]) {
      ip('netns', 'add', name);
      ip('-n', name, 'link', 'set', 'lo', 'up');
    }
    line({ at: undefined, link: toOne, address: `${net}.1.1` }, { at: one, link: 'out', address: `${net}.1.2` });
    line({ at: undefined, link: toOther, address: `${net}.2.1` }, { at: other, link: 'out', address: `${net}.2.2` });
    line({ at: one, link: 'side', address: `${net}.3.1` }, { at: other, link: 'side', address: `${net}.3.2` });
    ip('-n', other, 'route', 'add', `${this.here}/32`, 'via', `${net}.2.1`);
  }
}

interface End {
  /** Its namespace; undefined: this machine. */
  readonly at: string | undefined;
  readonly link: string;
  readonly address: string;
}

function line(one: End, other: End): void {
  const at = (end: End): readonly string[] => (end.at === undefined ? [] : ['-n', end.at]);
  ip(...at(one), 'link', 'add', one.link, 'type', 'veth', 'peer', 'name', other.link, 'netns', other.at ?? '');
  for (const end of [one, other]) {
    ip(...at(end), 'addr', 'add', `${end.address}/30`, 'dev', end.link);
    ip(...at(end), 'link', 'set', end.link, 'up');
  }
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' });
}
