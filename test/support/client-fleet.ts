import { type ClientEvents, type MessageEvent, ParleyClient, type ParleyClientOptions } from '#libs/client/index.ts';
import { signToken, type TokenClaims } from './jwt.ts';
import type { Position } from './ledger.ts';
import { until, within } from './wait.ts';

export interface FleetClientOptions extends Partial<Omit<ParleyClientOptions, 'url'>> {
  readonly user: string;
  /** The base of a gateway's address, asked at each attempt. Where it throws, that attempt fails. */
  readonly url: () => string;
  readonly claims?: Partial<TokenClaims>;
}

export interface SentFrame {
  readonly type: string;
  readonly id?: string;
  readonly room?: string;
  readonly offset?: number;
  readonly since?: Position;
  readonly rooms?: readonly { readonly room: string; readonly since?: Position }[];
}

/** Comes back soon: tests need not wait like a crowd. */
const SOON = { baseMs: 50, capMs: 500 };

/** A `ParleyClient` with what came to it. */
export class FleetClient {
  readonly user: string;
  readonly client: ParleyClient;
  readonly heard: MessageEvent[] = [];
  /** Every frame it sent, on all its lines. */
  readonly sent: SentFrame[] = [];
  /** Every state it was in, each change once. */
  readonly states: string[] = [];
  /** Lines that stand. */
  readonly #lines = new Set<WebSocket>();

  constructor({ user, url, claims, getToken = () => signToken({ sub: user, ...claims }), ...options }: FleetClientOptions) {
    const { sent } = this;
    const lines = this.#lines;
    let base = '';
    this.user = user;
    this.client = new ParleyClient({
      WebSocket: class extends WebSocket {
        constructor(address: string, protocols: string[]) {
          super(address, protocols);
          this.addEventListener('open', () => lines.add(this));
          this.addEventListener('close', () => lines.delete(this));
        }

        override send(text: string): void {
          sent.push(JSON.parse(text));
          super.send(text);
        }
      },
      backoff: SOON,
      ...options,
      // The address is asked for here: an attempt without a token is made again, one without an address is the last.
      getToken: (request) => {
        base = url();
        return getToken(request);
      },
      url: () => `${base}/ws/chat`,
    });
    this.client.on('message', (event) => this.heard.push(event));
    this.client.on('status', ({ state }) => {
      if (this.states.at(-1) !== state) this.states.push(state);
    });
    this.client.connect();
  }

  /** Leaves for good; resolves when its lines have ended. */
  async close(): Promise<void> {
    this.client.close();
    await until(() => this.#lines.size === 0, { timeoutMs: 30_000, describe: `the lines of ${this.user} ended` });
  }

  messages(room: string): MessageEvent[] {
    return this.heard.filter((event) => event.room === room);
  }

  texts(room: string): string[] {
    return this.messages(room).map(({ message }) => message.text);
  }

  /** Waits until the condition holds: looks now, and after each event of the type. */
  async until<K extends keyof ClientEvents>(type: K, condition: () => boolean, timeoutMs = 30_000): Promise<void> {
    if (condition()) return;
    let off = (): void => {};
    const met = new Promise<void>((resolve) => {
      off = this.client.on(type, () => {
        if (condition()) resolve();
      });
    });
    await within(timeoutMs, `${type}: ${condition.toString()}`, met).finally(off);
  }

  /** The next event of a type that fits. */
  async next<K extends keyof ClientEvents>(
    type: K,
    fits: (event: ClientEvents[K]) => boolean = () => true,
    timeoutMs = 30_000,
  ): Promise<ClientEvents[K]> {
    let off = (): void => {};
    const came = new Promise<ClientEvents[K]>((resolve) => {
      off = this.client.on(type, (event) => {
        if (fits(event)) resolve(event);
      });
    });
    return await within(timeoutMs, `${type} that fits ${fits.toString()}`, came).finally(off);
  }
}

/** Clients of a test, ended after it. */
export class ClientFleet {
  readonly #clients: FleetClient[] = [];

  client(options: FleetClientOptions): FleetClient {
    const client = new FleetClient(options);
    this.#clients.push(client);
    return client;
  }

  clear(): void {
    for (const { client } of this.#clients.splice(0)) client.close();
  }
}
