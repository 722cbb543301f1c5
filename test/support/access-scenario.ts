/**
 * One round of test/chaos/access-lost.test.ts on one gateway: people lose access to rooms while
 * others watch.
 */
import { expect } from 'vitest';
import { freshRoomName } from '#libs/rooms/room-lifecycle.ts';
import type { Store } from '#libs/store/store.ts';
import type { ApiProcess } from './api-process.ts';
import type { ChatClient } from './chat-client.ts';
import { signToken } from './jwt.ts';
import type { RedisServer } from './redis-server.ts';
import type { ServerFrame } from './server-frame.ts';
import type { TestHub } from './test-hub.ts';
import { until, within } from './wait.ts';

/** The service that bans people, as a setting of the API. */
export const SERVICE_KEY = 'the-key-of-a-service-that-bans-people';

/** The parts of a hub that a round uses. */
export interface AccessPlace {
  readonly hub: TestHub<RedisServer>;
  /** The gateway of the people who lose access. */
  readonly gateway: number;
  /** The gateway of all others. Default 0. */
  readonly others?: number;
  /** The API that makes and changes rooms. */
  readonly api: ApiProcess;
  /**
   * The hub's database. A change through it is one by a worker that dies before it reports the
   * change.
   */
  readonly store: Pick<Store, 'rooms' | 'conversations' | 'pairs'>;
}

/** The people and their kinds. `owner` and `agentB` are on the gateway of the others. */
const PEOPLE = {
  owner: 'user',
  victim: 'user',
  leaver: 'user',
  stayer: 'user',
  outcast: 'user',
  ann: 'user',
  bob: 'user',
  customer: 'customer',
  shopper: 'customer',
  asker: 'customer',
  agentA: 'agent',
  agentB: 'agent',
} as const;
type Name = keyof typeof PEOPLE;
const ELSEWHERE: readonly Name[] = ['owner', 'agentB'];
const MEMBERS: readonly Name[] = ['victim', 'leaver', 'stayer', 'outcast'];
/** Seconds until a room expires: long enough for every round. The round then moves the time. */
const EXPIRES_IN_SECONDS = 3600;

const PATIENCE = { timeoutMs: 60_000 };

/** One round: rooms, people in them, and the changes that take access away. */
export class AccessScenario {
  readonly #place: AccessPlace;
  readonly #people = new Map<Name, { readonly id: string; readonly client: ChatClient }>();
  /** `victim` is removed from it, `leaver` leaves. */
  #group = '';
  /** A group that its owner deletes. */
  #closing = '';
  #expiring = '';
  #pair = '';
  /** A conversation that `agentB` takes over from `agentA`. */
  #conversation = '';
  /** A conversation that goes from `agentA` back into the queue. */
  #returned = '';
  /** A conversation that its customer ends. */
  #ending = '';

  private constructor(place: AccessPlace) {
    this.#place = place;
  }

  /**
   * Enters everybody and uses every room once, so that each gateway has cached all that it can
   * cache.
   */
  static async open(place: AccessPlace): Promise<AccessScenario> {
    const scenario = new AccessScenario(place);
    await scenario.#open();
    return scenario;
  }

  /** Every kind of change that removes access. Each is retried until it succeeds. */
  get changes(): readonly (() => Promise<void>)[] {
    const { rooms, conversations } = this.#place.store;
    const api = (name: Name, method: string, path: string, body?: object) => async (): Promise<void> => {
      await this.#call(name, method, path, body);
    };
    return [
      api('owner', 'DELETE', `/rooms/${this.#group}/members`, { members: [this.#id('victim')] }),
      api('agentB', 'POST', `/conversations/${this.#conversation}/assign`, {}),
      async () => {
        await until(() => rooms.update(this.#expiring, { expiresAt: Date.now() - 1 }, Date.now()), PATIENCE);
        await until(
          async () =>
            (await rooms.close(this.#expiring, 'expired', Date.now())) || (await rooms.get(this.#expiring))?.closedAt !== undefined,
          PATIENCE,
        );
      },
      api('leaver', 'DELETE', `/rooms/${this.#group}/members`, { members: [this.#id('leaver')] }),
      api('owner', 'DELETE', `/rooms/${this.#closing}`),
      async () => {
        const agent = this.#id('agentA');
        await until(
          async () =>
            (await conversations.reassign(this.#returned, agent, [])) ?? (await conversations.get(this.#returned))?.state === 'queued',
          PATIENCE,
        );
      },
      api('shopper', 'POST', `/conversations/${this.#ending}/close`, {}),
      api('ann', 'DELETE', `/rooms/${this.#pair}`),
      async () => {
        const body = { user: this.#id('outcast'), seconds: 600 };
        await this.#ask('POST', '/ban', SERVICE_KEY, body);
      },
    ];
  }

  /** Makes all changes at once. */
  async change(): Promise<void> {
    await Promise.all(this.changes.map((change) => change()));
  }

  /**
   * Removes the victim and adds it again. Use it only if the gateway cannot see the time in
   * between: otherwise it may remove the victim for a moment.
   */
  async removeAndTakeBack(): Promise<void> {
    await this.#call('owner', 'DELETE', `/rooms/${this.#group}/members`, { members: [this.#id('stayer')] });
    await this.#call('owner', 'POST', `/rooms/${this.#group}/members`, { members: [this.#id('stayer')] });
  }

  /** The victim sends a message. Resolves with its answer, whatever that is. */
  speak(): Promise<string> {
    return this.#answer('victim', this.#group);
  }

  /** Resolves when everybody who lost access is out and got the frame about it, if there is one. */
  async told(): Promise<void> {
    await Promise.all([
      ...this.#losses.map(([name, type, room]) =>
        this.#client(name).waitFor(type, (frame) => frame.room === room && frame.id === undefined, PATIENCE),
      ),
      within(PATIENCE.timeoutMs, 'the outcast is out', this.#client('outcast').closed).then((close) =>
        expect(close).toMatchObject({ code: 4510 }),
      ),
      // An agent gets no frame about it.
      ...[this.#conversation, this.#returned].map((room) =>
        until(async () => (await this.#answer('agentA', room)) === 'FORBIDDEN', PATIENCE),
      ),
    ]);
  }

  /**
   * Resolves when everybody is where they belong. Checks that nobody got a message without access.
   */
  async settled(): Promise<void> {
    await this.told();
    const secret = 'not for those who have gone';
    await Promise.all([
      this.#said('owner', this.#group, secret),
      this.#said('customer', this.#conversation, secret),
      this.#said('asker', this.#returned, secret),
    ]);
    await Promise.all([this.#hears('stayer', this.#group, secret), this.#hears('agentB', this.#conversation, secret)]);
    expect(await this.#answers()).toEqual({
      victim: 'NOT_JOINED',
      leaver: 'NOT_JOINED',
      closing: 'NOT_JOINED',
      expiring: 'NOT_JOINED',
      conversation: 'FORBIDDEN',
      returned: 'FORBIDDEN',
      ending: 'ROOM_CLOSED',
      pair: 'ROOM_CLOSED',
    });
    for (const name of ['victim', 'leaver'] as const)
      await expect(this.#client(name).history(this.#group)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(this.#client('stayer').join(this.#expiring)).rejects.toMatchObject({ code: 'ROOM_CLOSED' });
    // A later frame over the same channels has arrived, so every earlier one has, too.
    await Promise.all((['victim', 'leaver', 'agentA'] as const).map((name) => this.#hearsNo(name, secret)));
  }

  /**
   * Returns every frame that came twice and everybody who was removed wrongly. Call it at the very
   * end, when late frames have arrived.
   */
  faults(): string[] {
    const once = this.#losses.filter(([name, type, room]) => this.#count(name, type, room) !== 1);
    return [
      ...once.map((what) => `${what.join(' ')}: not once`),
      ...(this.#count('stayer', 'left', this.#group) > 0 ? ['the stayer was put out'] : []),
    ];
  }

  /** The frames that report a loss, and their receivers. */
  get #losses(): readonly (readonly [name: Name, type: 'left' | 'room_closed', room: string])[] {
    return [
      ['victim', 'left', this.#group],
      ['leaver', 'left', this.#group],
      ['victim', 'room_closed', this.#closing],
      ['stayer', 'room_closed', this.#closing],
      ['victim', 'room_closed', this.#expiring],
      ['stayer', 'room_closed', this.#expiring],
      ['ann', 'room_closed', this.#pair],
      ['bob', 'room_closed', this.#pair],
      ['shopper', 'room_closed', this.#ending],
      ['agentA', 'room_closed', this.#ending],
    ];
  }

  async #answers(): Promise<Readonly<Record<string, string>>> {
    const asked: readonly (readonly [what: string, name: Name, room: string])[] = [
      ['victim', 'victim', this.#group],
      ['leaver', 'leaver', this.#group],
      ['closing', 'stayer', this.#closing],
      ['expiring', 'stayer', this.#expiring],
      ['conversation', 'agentA', this.#conversation],
      ['returned', 'agentA', this.#returned],
      ['ending', 'shopper', this.#ending],
      ['pair', 'bob', this.#pair],
    ];
    return Object.fromEntries(await Promise.all(asked.map(async ([what, name, room]) => [what, await this.#answer(name, room)] as const)));
  }

  /** The error code, `ack`, or `lost` if the connection ended. */
  #answer(name: Name, room: string): Promise<string> {
    return this.#client(name)
      .message(room, 'I am still here')
      .then(
        () => 'ack',
        (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : 'lost'),
      );
  }

  /** Frames that show a text: as a message, or on the page after a lost stream. */
  #heard(name: Name, text: string): ServerFrame[] {
    return this.#client(name).frames.filter((frame) => JSON.stringify(frame).includes(text));
  }

  #hears(name: Name, room: string, text: string): Promise<unknown> {
    return until(() => this.#heard(name, text).some((frame) => frame.room === room), {
      ...PATIENCE,
      describe: () => `${name} hears of ${room}: ${JSON.stringify(this.#client(name).frames.slice(-5))}`,
    });
  }

  async #hearsNo(name: Name, secret: string): Promise<void> {
    const said = await until(
      () =>
        this.#client('owner')
          .request({ type: 'message', to: this.#id(name), text: 'the end' })
          .catch(() => undefined),
      PATIENCE,
    );
    const client = this.#client(name);
    await client.waitFor('message', ({ room }) => room === said.room, PATIENCE);
    expect(this.#heard(name, secret)).toEqual([]);
  }

  async #open(): Promise<void> {
    const { hub, gateway, others = 0, store } = this.#place;
    const here = async (name: Name, kind: string): Promise<void> => {
      const id = hub.name(name);
      // The hub may still be repairing an earlier loss.
      const client = await until(() => hub.client(id, ELSEWHERE.includes(name) ? others : gateway, { claims: { kind } }), PATIENCE);
      this.#people.set(name, { id, client });
    };
    await Promise.all(Object.entries(PEOPLE).map(([name, kind]) => here(name as Name, kind)));
    const group = { kind: 'group', members: MEMBERS.map((name) => this.#id(name)), keepHistory: true };
    [this.#group, this.#closing, this.#expiring, this.#conversation, this.#ending, this.#returned] = await Promise.all([
      this.#make('owner', '/rooms', { ...group, name: 'g' }),
      this.#make('owner', '/rooms', { ...group, name: 'h' }),
      this.#make('owner', '/rooms', { ...group, name: 'i', expiresIn: EXPIRES_IN_SECONDS }),
      this.#make('customer', '/conversations', {}),
      this.#make('shopper', '/conversations', {}),
      this.#make('asker', '/conversations', {}),
    ]);
    this.#pair = await this.#match('ann', 'bob', store);
    const conversations: readonly (readonly [Name, string])[] = [
      ['customer', this.#conversation],
      ['shopper', this.#ending],
      ['asker', this.#returned],
    ];
    for (const [, room] of conversations) await this.#call('agentA', 'POST', `/conversations/${room}/assign`, {});
    const groups = [this.#group, this.#closing, this.#expiring];
    for (const name of ['owner', ...MEMBERS] as const) await Promise.all(groups.map((room) => this.#client(name).join(room)));
    await Promise.all([
      this.#said('victim', this.#group, 'hello'),
      this.#said('ann', this.#pair, 'hello'),
      ...conversations.map(([name, room]) => this.#said(name, room, 'hello')),
      ...conversations.map(([, room]) => this.#client('agentA').waitFor('message', (frame) => frame.room === room, PATIENCE)),
      this.#client('bob').waitFor('message', (frame) => frame.room === this.#pair, PATIENCE),
      this.#client('stayer').waitFor('message', (frame) => frame.room === this.#group, PATIENCE),
    ]);
    // After the customers: if the agent has to be checked again, everybody on the gateway is
    // checked.
    for (const [, room] of conversations) await this.#said('agentA', room, 'hello, too');
  }

  /** Matches two given people. The matchmaker itself would choose among all who wait. */
  async #match(one: Name, other: Name, { pairs }: Pick<Store, 'pairs'>): Promise<string> {
    const member = (name: Name) => ({ id: this.#id(name), name });
    const now = Date.now();
    const request = { user: member(one), keepHistory: true, candidates: [member(other)], room: freshRoomName('pair'), now };
    const made = await until(() => pairs.match({ ...request, expiresAt: now + EXPIRES_IN_SECONDS * 1000 }), PATIENCE);
    expect(made).toMatchObject({ state: 'paired', room: request.room });
    return request.room;
  }

  /** Publishes it until it is stored, as the same message. */
  async #said(name: Name, room: string, text: string): Promise<void> {
    const id = `${room}-${text}`.slice(-64);
    await until(
      () =>
        this.#client(name)
          .message(room, text, { id })
          .then(
            () => true,
            () => false,
          ),
      PATIENCE,
    );
  }

  async #make(name: Name, path: string, body: object): Promise<string> {
    return ((await this.#call(name, 'POST', path, body)) as { readonly room: string }).room;
  }

  #call(name: Name, method: string, path: string, body?: object): Promise<unknown> {
    return this.#ask(method, path, signToken({ sub: this.#id(name), kind: PEOPLE[name] }), body);
  }

  /** Asks again if a backend is slow, or if a person who has just come is not stored yet. */
  #ask(method: string, path: string, bearer: string, body?: object): Promise<unknown> {
    const { api } = this.#place;
    const headers = {
      authorization: `Bearer ${bearer}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    let asked = 0;
    let last = '';
    const ask = async (): Promise<{ readonly answer: unknown } | undefined> => {
      asked += 1;
      const response = await fetch(`${api.url}/api/v1${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      last = `${method} ${path}: ${response.status} ${text}`;
      if (response.ok) return { answer: text === '' ? undefined : JSON.parse(text) };
      // An earlier call, whose answer said that it might have failed, has done it.
      if (asked > 1 && (response.status === 410 || (method === 'DELETE' && response.status === 403))) return { answer: undefined };
      if (response.status === 503 || response.status === 429 || text.includes('USER_NOT_FOUND')) return undefined;
      throw new Error(last);
    };
    return until(ask, { ...PATIENCE, everyMs: 250, describe: () => last }).then(({ answer }) => answer);
  }

  #count(name: Name, type: string, room: string): number {
    return this.#client(name)
      .of(type)
      .filter((frame) => frame.room === room).length;
  }

  #person(name: Name) {
    const person = this.#people.get(name);
    if (person === undefined) throw new RangeError(`${name} is not there`);
    return person;
  }

  #client(name: Name): ChatClient {
    return this.#person(name).client;
  }

  #id(name: Name): string {
    return this.#person(name).id;
  }
}
