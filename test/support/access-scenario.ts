/** What people lose access to, and who watches: one round of test/chaos/access-lost.test.ts on one gateway. */
import { expect } from 'vitest';
import type { ApiProcess } from './api-process.ts';
import type { ChatClient } from './chat-client.ts';
import { signToken } from './jwt.ts';
import type { RedisServer } from './redis-server.ts';
import { messageOf, type ServerFrame } from './server-frame.ts';
import type { TestHub } from './test-hub.ts';
import { until } from './wait.ts';

export interface AccessPlace {
  readonly hub: TestHub<RedisServer>;
  /** The gateway of those who lose access; everybody else is on gateway 0. */
  readonly gateway: number;
  /** Where rooms are made and changed. */
  readonly api: ApiProcess;
}

const PATIENCE = { timeoutMs: 60_000 };

export class AccessScenario {
  readonly #place: AccessPlace;
  readonly #people = new Map<string, { readonly id: string; readonly kind: string; readonly client: ChatClient }>();
  #group = '';
  #closing = '';
  #conversation = '';
  #ending = '';

  private constructor(place: AccessPlace) {
    this.#place = place;
  }

  /** Everybody is in, and everything was used once: whatever a gateway remembers, it remembers now. */
  static async open(place: AccessPlace): Promise<AccessScenario> {
    const scenario = new AccessScenario(place);
    await scenario.#open();
    return scenario;
  }

  /** A member is removed, another one removed and taken back, a group deleted, a conversation taken over, another one closed. */
  async change(): Promise<void> {
    await this.#call('owner', 'DELETE', `/rooms/${this.#group}/members`, { members: [this.#id('victim')] });
    await this.#call('agentB', 'POST', `/conversations/${this.#conversation}/assign`, {});
    await this.#call('owner', 'DELETE', `/rooms/${this.#closing}`);
    await this.#call('shopper', 'POST', `/conversations/${this.#ending}/close`, {});
  }

  /** Only where the gateway cannot see what lies in between: else it may well put them out for the moment. */
  async removeAndTakeBack(): Promise<void> {
    await this.#call('owner', 'DELETE', `/rooms/${this.#group}/members`, { members: [this.#id('stayer')] });
    await this.#call('owner', 'POST', `/rooms/${this.#group}/members`, { members: [this.#id('stayer')] });
  }

  /** The victim sends a message whatever the answer. Resolves with its answer. */
  speak(): Promise<string> {
    return this.#client('victim')
      .message(this.#group, 'I am still here')
      .then(
        () => 'ack',
        (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : 'lost'),
      );
  }

  /** Resolves once everybody is where they belong, and nobody got what is not theirs any more. */
  async settled(): Promise<void> {
    await this.#told();
    const secret = 'not for those who have gone';
    await this.#said('owner', this.#group, secret);
    await this.#said('customer', this.#conversation, secret);
    const isSecret = (room: string) => (frame: ServerFrame) => messageOf(frame).text === secret && frame.room === room;
    await Promise.all([
      this.#client('stayer').waitFor('message', isSecret(this.#group), PATIENCE),
      this.#client('agentB').waitFor('message', isSecret(this.#conversation), PATIENCE),
    ]);
    expect(await this.speak()).toBe('NOT_JOINED');
    await expect(this.#client('victim').history(this.#group)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(this.#client('agentA').message(this.#conversation, 'hello?')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    // What comes over the same channels later has come: so has everything before it.
    for (const name of ['victim', 'agentA']) {
      const said = await until(
        () =>
          this.#client('owner')
            .request({ type: 'message', to: this.#id(name), text: 'the end' })
            .catch(() => undefined),
        PATIENCE,
      );
      await this.#client(name).waitFor('message', ({ room }) => room === said.room, PATIENCE);
      expect(
        this.#client(name)
          .of('message')
          .filter((frame) => messageOf(frame).text === secret),
      ).toEqual([]);
    }
  }

  /** Nothing was told twice, and nobody was put out who belongs there. To be asked at the very end: what is late has come by then. */
  faults(): string[] {
    const once: readonly [name: string, type: string, room: string][] = [
      ['victim', 'left', this.#group],
      ['victim', 'room_closed', this.#closing],
      ['stayer', 'room_closed', this.#closing],
      ['shopper', 'room_closed', this.#ending],
      ['agentA', 'room_closed', this.#ending],
    ];
    return [
      ...once.filter(([name, type, room]) => this.#count(name, type, room) !== 1).map((what) => `${what.join(' ')}: not once`),
      ...(this.#count('stayer', 'left', this.#group) > 0 ? ['the stayer was put out'] : []),
    ];
  }

  async #open(): Promise<void> {
    const { hub, gateway } = this.#place;
    const here = async (name: string, kind: string, at: number): Promise<void> => {
      const id = hub.name(name);
      this.#people.set(name, { id, kind, client: await hub.client(id, at, { claims: { kind } }) });
    };
    await Promise.all([
      here('owner', 'user', 0),
      here('victim', 'user', gateway),
      here('stayer', 'user', gateway),
      here('customer', 'customer', gateway),
      here('shopper', 'customer', gateway),
      here('agentA', 'agent', gateway),
      here('agentB', 'agent', 0),
    ]);
    const members = [this.#id('victim'), this.#id('stayer')];
    const group = { kind: 'group', members, keepHistory: true };
    [this.#group, this.#closing] = await Promise.all([
      this.#make('owner', '/rooms', { ...group, name: 'g' }),
      this.#make('owner', '/rooms', { ...group, name: 'h' }),
    ]);
    [this.#conversation, this.#ending] = await Promise.all([
      this.#make('customer', '/conversations', {}),
      this.#make('shopper', '/conversations', {}),
    ]);
    for (const room of [this.#conversation, this.#ending]) await this.#call('agentA', 'POST', `/conversations/${room}/assign`, {});
    for (const name of ['owner', 'victim', 'stayer']) for (const room of [this.#group, this.#closing]) await this.#client(name).join(room);
    await Promise.all([
      this.#said('victim', this.#group, 'hello'),
      this.#said('customer', this.#conversation, 'hello'),
      this.#said('shopper', this.#ending, 'hello'),
      ...[this.#conversation, this.#ending].map((room) =>
        this.#client('agentA').waitFor('message', (frame) => frame.room === room, PATIENCE),
      ),
      this.#client('stayer').waitFor('message', (frame) => frame.room === this.#group, PATIENCE),
    ]);
  }

  async #told(): Promise<void> {
    const closed = (name: string, room: string) => this.#client(name).waitFor('room_closed', (frame) => frame.room === room, PATIENCE);
    await Promise.all([
      this.#client('victim').waitFor('left', ({ room, id }) => room === this.#group && id === undefined, PATIENCE),
      closed('victim', this.#closing),
      closed('stayer', this.#closing),
      closed('shopper', this.#ending),
      closed('agentA', this.#ending),
    ]);
  }

  /** Says it until it is stored, as the same message. */
  async #said(name: string, room: string, text: string): Promise<void> {
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

  async #make(name: string, path: string, body: object): Promise<string> {
    return ((await this.#call(name, 'POST', path, body)) as { readonly room: string }).room;
  }

  /** Asks again where a backend is slow, and where somebody who came a moment ago is not written down yet. */
  #call(name: string, method: string, path: string, body?: object): Promise<unknown> {
    const { api } = this.#place;
    const { id, kind } = this.#person(name);
    const headers = {
      authorization: `Bearer ${signToken({ sub: id, kind })}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    let asked = 0;
    const ask = async (): Promise<{ readonly answer: unknown } | undefined> => {
      asked += 1;
      const response = await fetch(`${api.url}/api/v1${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (response.ok) return { answer: text === '' ? undefined : JSON.parse(text) };
      // Done by the call before, whose answer said that it might not have been.
      if (response.status === 410 && asked > 1) return { answer: undefined };
      if (response.status === 503 || text.includes('USER_NOT_FOUND')) return undefined;
      throw new Error(`${method} ${path}: ${response.status} ${text}`);
    };
    return until(ask, PATIENCE).then(({ answer }) => answer);
  }

  #count(name: string, type: string, room: string): number {
    return this.#client(name)
      .of(type)
      .filter((frame) => frame.room === room).length;
  }

  #person(name: string) {
    const person = this.#people.get(name);
    if (person === undefined) throw new RangeError(`nobody is called ${name}`);
    return person;
  }

  #client(name: string): ChatClient {
    return this.#person(name).client;
  }

  #id(name: string): string {
    return this.#person(name).id;
  }
}
