import { type ClientEvents, type MessageEvent, ParleyClient, type ParleyClientOptions } from '#libs/client/index.ts';
import { signToken, type TokenClaims } from './jwt.ts';
import { within } from './wait.ts';

export interface FleetClientOptions extends Partial<Omit<ParleyClientOptions, 'url'>> {
  readonly user: string;
  /** The base of a gateway's address, asked at each attempt. */
  readonly url: () => string;
  readonly claims?: Partial<TokenClaims>;
}

interface SentFrame {
  readonly type: string;
  readonly room?: string;
  readonly offset?: number;
}

/** Comes back soon: tests need not wait like a crowd. */
const SOON = { baseMs: 50, capMs: 500 };

/** A `ParleyClient` with what came to it. */
export class FleetClient {
  readonly client: ParleyClient;
  readonly heard: MessageEvent[] = [];
  /** Every frame it sent, on all its lines. */
  readonly sent: SentFrame[] = [];
  /** Every state it was in, each change once. */
  readonly states: string[] = [];

  constructor({ user, url, claims, ...options }: FleetClientOptions) {
    const { sent } = this;
    this.client = new ParleyClient({
      WebSocket: class extends WebSocket {
        override send(text: string): void {
          sent.push(JSON.parse(text));
          super.send(text);
        }
      },
      getToken: () => signToken({ sub: user, ...claims }),
      backoff: SOON,
      ...options,
      url: () => `${url()}/ws/chat`,
    });
    this.client.on('message', (event) => this.heard.push(event));
    this.client.on('status', ({ state }) => {
      if (this.states.at(-1) !== state) this.states.push(state);
    });
    this.client.connect();
  }

  messages(room: string): MessageEvent[] {
    return this.heard.filter((event) => event.room === room);
  }

  texts(room: string): string[] {
    return this.messages(room).map(({ message }) => message.text);
  }

  /** Waits until the condition holds: looks now, and after each event of the type. */
  async until<K extends keyof ClientEvents>(type: K, condition: () => boolean, timeoutMs = 20_000): Promise<void> {
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
    timeoutMs = 20_000,
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
