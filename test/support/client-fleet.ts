import { type ClientEvents, type MessageEvent, ParleyClient, type ParleyClientOptions } from '#libs/client/index.ts';
import { signToken, type TokenClaims } from './jwt.ts';
import type { Position } from './ledger.ts';
import { until, within } from './wait.ts';

/** Options of `FleetClient`. */
export interface FleetClientOptions extends Partial<Omit<ParleyClientOptions, 'url'>> {
  readonly user: string;
  /**
   * Returns the base of a gateway's address, for each attempt to connect. If it throws, the attempt
   * fails.
   */
  readonly url: () => string;
  readonly claims?: Partial<TokenClaims>;
  /** The client of another version. Default: that of this one. */
  readonly sdk?: typeof ParleyClient | undefined;
}

/** A frame that a client sent. */
export interface SentFrame {
  readonly type: string;
  readonly id?: string;
  readonly room?: string;
  readonly offset?: number;
  readonly since?: Position;
  readonly rooms?: readonly { readonly room: string; readonly since?: Position }[];
}

/** Short back-off times: a test's clients are few. */
const SOON = { baseMs: 50, capMs: 500 };

/** A `ParleyClient` that records its events. */
export class FleetClient {
  readonly user: string;
  readonly client: ParleyClient;
  readonly heard: MessageEvent[] = [];
  /** Every frame that it sent, on all its connections. */
  readonly sent: SentFrame[] = [];
  /** Its states, one entry for each change. */
  readonly states: string[] = [];
  /** Its open connections. */
  readonly #lines = new Set<WebSocket>();

  constructor({
    user,
    url,
    claims,
    sdk: Sdk = ParleyClient,
    getToken = () => signToken({ sub: user, ...claims }),
    ...options
  }: FleetClientOptions) {
    const { sent } = this;
    const lines = this.#lines;
    let base = '';
    this.user = user;
    this.client = new Sdk({
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
      // The address is read here. An attempt without a token is retried; an attempt without an
      // address would be the last.
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

  /** Closes it for good. Resolves when its connections have ended. */
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

  /** Waits until the condition holds. Checks it now and after each event of the type. */
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

  /** Resolves with the next event of a type that fits. */
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

/** The clients of a test. They end with it. */
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
