import { ParleyClient } from '#libs/client/index.ts';
import { within } from './wait.ts';

/** A customer without a page: enters over the API and uses the client. */
export class Customer {
  readonly id: string;
  /** The room of the conversation. */
  readonly room: string;
  readonly #client: ParleyClient;
  readonly #end: () => Promise<unknown>;

  private constructor(id: string, room: string, client: ParleyClient, end: () => Promise<unknown>) {
    this.id = id;
    this.room = room;
    this.#client = client;
    this.#end = end;
  }

  /** Enters under a name and opens a conversation. */
  static async open(hubUrl: string, name: string, subject: string): Promise<Customer> {
    const login = await post(`${hubUrl}/api/v1/customers`, { name, channel: 'shop', metadata: { plan: 'gold' } });
    const token = String(login['token']);
    const { room } = await post(`${hubUrl}/api/v1/conversations`, { subject }, token);
    const client = new ParleyClient({ url: `${hubUrl.replace(/^http/, 'ws')}/ws/chat`, getToken: async () => token });
    client.connect();
    return new Customer(String(login['id']), String(room), client, () => post(`${hubUrl}/api/v1/conversations/${room}/close`, {}, token));
  }

  /** Publishes a message. Resolves when it is stored. */
  async say(text: string): Promise<void> {
    await within(30_000, `the hub stored ${text}`, this.#client.send(this.room, text));
  }

  /** Ends the conversation. */
  async end(): Promise<void> {
    await this.#end();
  }

  leave(): void {
    this.#client.close();
  }
}

async function post(url: string, body: object, token?: string): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response.status === 204 ? {} : ((await response.json()) as Record<string, unknown>);
}
