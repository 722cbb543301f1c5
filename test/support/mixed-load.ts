/** People, programs and mistakes, as a hub meets them in a day: what every panel has to show. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ApiProcess } from './api-process.ts';
import { ChatClient } from './chat-client.ts';
import type { RedisServer } from './redis-server.ts';
import type { ServerFrame } from './server-frame.ts';
import type { SmtpServer } from './smtp-server.ts';
import type { TestHub } from './test-hub.ts';
import { until } from './wait.ts';

interface Login {
  readonly token: string;
  readonly user: { readonly id: string };
}

/** Two people with an account, and their group, which keeps history. */
export interface LoadGroup {
  readonly people: readonly [Login, Login];
  readonly room: string;
}

/** Makes them, with codes by mail. */
export async function makeGroup(api: ApiProcess, smtp: SmtpServer): Promise<LoadGroup> {
  const call = async <T>(path: string, body: object, token?: string): Promise<T> => {
    const headers = { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) };
    const response = await fetch(`${api.url}/api/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.text().then((text) => JSON.parse(text || '{}'))) as T;
  };
  const register = async (name: string): Promise<Login> => {
    const account = `${name}@example.com`;
    await call('/auth/code', { account });
    const { code } = await until(() => smtp.mails.find(({ to }) => to.includes(account)), { describe: `a code for ${name}` });
    const { registration } = await call<{ registration: string }>('/auth/verify', { account, code });
    return call<Login>('/auth/register', { registration, name });
  };
  const people = [await register('ada'), await register('bob')] as const;
  const { room } = await call<{ room: string }>(
    '/rooms',
    { name: 'plans', kind: 'group', members: [people[1].user.id], keepHistory: true },
    people[0].token,
  );
  return { people, room };
}

/** Publishes a message under an id of its own: those that a client counts begin anew with each. */
const say = (client: ChatClient, room: string, text: string): Promise<ServerFrame> => client.message(room, text, { id: randomUUID() });

/** The pause between two rounds. */
const ROUND_MS = 500;
/** People who stay in the park, on each gateway. */
const AUDIENCE = 10;
/** Mistakes are rarer than what goes well: one round in so many. */
const MISTAKES_EVERY = 5;

/** Goes on until `stop`. What fails while a backend is away is tried again in the next round. */
export class MixedLoad {
  readonly #hub: TestHub<RedisServer>;
  readonly #api: ApiProcess;
  readonly #group: LoadGroup;
  readonly #running: Promise<void>;
  #stopped = false;
  #round = 0;
  #trouble = 'none';

  constructor(hub: TestHub<RedisServer>, api: ApiProcess, group: LoadGroup) {
    this.#hub = hub;
    this.#api = api;
    this.#group = group;
    this.#running = this.#run();
  }

  /** The rounds so far that went through. */
  get rounds(): number {
    return this.#round;
  }

  /** Why the last round that failed did. */
  get trouble(): string {
    return this.#trouble;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    for (const gateway of this.#hub.gateways.keys())
      for (let person = 0; person < AUDIENCE; person += 1) {
        const { client } = await this.#hub.staying(this.#hub.name('listener'), gateway);
        await client.join('park');
      }
    while (!this.#stopped) {
      try {
        await this.#once();
        this.#round += 1;
      } catch (error) {
        // A backend is away, or a gateway was killed: the next round comes.
        this.#trouble = String(error);
      }
      await delay(ROUND_MS);
    }
  }

  async #once(): Promise<void> {
    const [hub, { people, room }] = [this.#hub, this.#group];
    const [first, second] = hub.living;
    if (first === undefined || second === undefined) return;
    const [ada, bob] = people;
    const hers = await hub.client(ada.user.id, hub.gateways.indexOf(first), { token: ada.token });
    const his = await hub.client(bob.user.id, hub.gateways.indexOf(second), { token: bob.token });
    try {
      await Promise.all([hers.join('park'), his.join('park'), his.join(room)]);
      const { epoch } = await hers.join(room);
      const live = hub.name('live:room');
      await Promise.all([hers.join(live), his.join(live)]);
      for (let message = 0; message < 5; message += 1) {
        await Promise.all([say(hers, 'park', 'hello'), say(hers, live, 'not kept'), say(hers, room, 'kept'), say(his, room, 'kept, too')]);
      }
      await hers.history(room);
      const { message: seen } = await say(hers, room, 'the last one seen');
      await say(his, room, 'missed');
      await hers.leave(room);
      await hers.join(room, { epoch: String(epoch), offset: (seen as { offset: number }).offset });
      if (this.#round % MISTAKES_EVERY === 0) await this.#mistakes(first.url);
      await this.#post('/auth/code', { account: `person-${this.#round}@example.com` });
    } finally {
      // One leaves as people do, one is lost.
      his.reset();
      await hers.close();
    }
  }

  /** A wrong token, a wrong code, a path that is not there. */
  async #mistakes(gateway: string): Promise<void> {
    await ChatClient.connect(gateway, 'nobody', { token: 'nonsense' }).catch(() => undefined);
    await this.#post('/auth/verify', { account: 'nobody@example.com', code: '000000' });
    await fetch(`${this.#api.url}/api/v1/nothing`);
  }

  #post(path: string, body: object): Promise<Response> {
    return fetch(`${this.#api.url}/api/v1${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }
}
