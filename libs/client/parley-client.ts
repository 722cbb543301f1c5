import type { JoinTarget, PageMessage, Person, Position, WelcomeFrame } from '#libs/protocol/frame-types.ts';
import { ClientError } from './client-error.ts';
import type { ClientEvents, JoinResult } from './client-events.ts';
import { type ParleyClientOptions, settingsOf } from './client-options.ts';
import type { ClientStatus } from './client-status.ts';
import type { SendOptions, SentMessage } from './outbox.ts';
import { Session } from './session.ts';

/**
 * A connection to a Parley hub that stays.
 *
 * It reconnects after every loss, joins its rooms again and hands over the missed messages. It
 * keeps a message until its `ack` and sends it again with the same id. It hands over each message
 * once, in order in each room. If messages cannot be recovered, it emits `resync`.
 *
 * Promises reject with `ClientError`. Every call rejects with `CLOSED` while the client is
 * `refused` or `closed`.
 *
 * @example
 * const client = new ParleyClient({ url: 'wss://chat.example.com/ws/chat', getToken: async () => token });
 * client.on('message', ({ room, message }) => console.log(room, message.from.name, message.text));
 * client.on('status', ({ state, reason }) => console.log(state, reason?.code ?? ''));
 * client.connect();
 * await client.join('park');
 * await client.send('park', 'Hello');
 */
export class ParleyClient {
  readonly #session: Session;
  readonly #uuid: () => string;
  #closed = false;

  constructor(options: ParleyClientOptions) {
    const settings = settingsOf(options);
    this.#uuid = settings.uuid;
    this.#session = new Session(settings);
  }

  /**
   * The present state. Each change is a `status` event.
   *
   * @example
   * if (client.status.state === 'reconnecting') showCountdown(client.status.retryAt);
   */
  get status(): ClientStatus {
    return this.#session.connector.status;
  }

  /**
   * The last `welcome`: the user, the hub's limits, times in seconds. Undefined before the first
   * connection.
   *
   * @example
   * input.maxLength = client.welcome?.limits.messageChars ?? 200;
   */
  get welcome(): WelcomeFrame | undefined {
    return this.#session.welcome;
  }

  /**
   * Connects, and stays connected. Does nothing if the client is connecting or connected, or after
   * `close()`. After `refused`, or `closed` by the hub, it begins again: call it after a login.
   *
   * @example
   * await login();
   * client.connect();
   */
  connect(): void {
    if (!this.#closed) this.#session.connector.start();
  }

  /**
   * Ends the connection for good. Waiting calls reject with `CLOSED`. After the last `status` no
   * event comes.
   *
   * @example
   * await client.send('park', 'Bye');
   * client.close();
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#session.deliveries.end();
    this.#session.connector.stop({ code: 'CLOSED' });
    this.#session.events.end();
  }

  /**
   * Reconnects at once if the client waits to reconnect.
   *
   * @example
   * button.onclick = () => client.retryNow();
   */
  retryNow(): void {
    this.#session.connector.retryNow();
  }

  /**
   * Listens to an event. Returns a function that removes the listener.
   *
   * @param type The name of the event, see `ClientEvents`.
   * @param listener An error that it throws becomes an uncaught error and stops no other listener.
   *
   * @example
   * const off = client.on('room_online', ({ room, count }) => show(room, count));
   * off();
   */
  on<K extends keyof ClientEvents>(type: K, listener: (event: ClientEvents[K]) => void): () => void {
    return this.#session.events.on(type, listener);
  }

  /**
   * Enters a room and stays in it over reconnects, until `leave`, `room_closed` or `room_lost`.
   * Resolves with the latest page. With `since` it resolves with the missed messages if `recovered`
   * is true. If the client is in the room already, it resolves with the latest page.
   *
   * Later messages come as `message` events. The first of them may come before the code after
   * `await` runs: listen first, and tell messages apart by `offset`.
   *
   * @param room 1-128 of `A-Z a-z 0-9 . _ ~ - , :` (R1).
   * @param options `since`: the position to recover from, as an earlier `JoinResult` gave it.
   * @throws ClientError the hub's code (`FORBIDDEN`, `ROOM_NOT_FOUND`, `ROOM_LIMIT`, ...),
   *   `TIMEOUT`, `LEFT`, `CLOSED`, `USER_CHANGED`.
   *
   * @example
   * const { messages, epoch, offset } = await client.join('park');
   * const { recovered } = await client.join('news', { since: kept });
   */
  join(room: string, options: { readonly since?: Position } = {}): Promise<JoinResult> {
    return this.#open(() => Promise.race(this.#session.join([{ room, ...options }])));
  }

  /**
   * Enters many rooms, with one frame for up to 100 of them. Resolves with an answer for each, in
   * the given order, as `Promise.allSettled`. It rejects with `CLOSED` only.
   *
   * @example
   * const answers = await client.joinAll([{ room: 'park' }, { room: 'news', since: { epoch, offset } }]);
   * for (const answer of answers) if (answer.status === 'rejected') console.log(answer.reason.code);
   */
  joinAll(rooms: readonly JoinTarget[]): Promise<PromiseSettledResult<JoinResult>[]> {
    return this.#open(() => Promise.allSettled(this.#session.join(rooms)));
  }

  /**
   * Leaves a room: it is not joined again. Messages may still come until the promise resolves.
   * Resolves also if the client is not in the room.
   *
   * @throws ClientError `TIMEOUT`, `RATE_LIMITED`; `CLOSED` while the client is `refused` or
   *   `closed`.
   *
   * @example
   * await client.leave('park');
   */
  leave(room: string): Promise<void> {
    return this.#open(() => this.#session.leave(room));
  }

  /**
   * Publishes a message in a room. Resolves once the hub has accepted it: in a room that keeps
   * history, once it is stored (M1). Without a connection the message waits. It is sent again with
   * the same id, so it is published once. The user's own messages come as `message` events, too.
   *
   * @param text At most `welcome.limits.messageChars` Unicode code points, in a conversation
   *   `conversationChars`; empty only beside `data`.
   * @param options `data`: any JSON value. `id`: the result of `newId()`, at most 64 UTF-16 code
   *   units.
   * @throws ClientError the hub's code (`NOT_JOINED`, `MESSAGE_TOO_LONG`, ...), `TOO_LARGE`,
   *   `QUEUE_FULL`, `EXPIRED`, `DISCARDED`, `CLOSED`, `USER_CHANGED`.
   * @throws TypeError if `data` cannot be JSON, RangeError if `id` is too long.
   *
   * @example
   * const { message } = await client.send('park', 'Hello', { data: { mood: 'fine' } });
   */
  send(room: string, text: string, options: SendOptions = {}): Promise<SentMessage> {
    return this.#send({ room }, text, options);
  }

  /**
   * Publishes a direct message to a user. The first one makes the room of the two users, which the
   * result names. Otherwise as `send`.
   *
   * @throws ClientError as `send`; `USER_NOT_FOUND` for a user who was never here, `FORBIDDEN` for
   *   a customer (R6).
   *
   * @example
   * const { room } = await client.sendTo(user.id, 'Hello');
   */
  sendTo(userId: string, text: string, options: SendOptions = {}): Promise<SentMessage> {
    return this.#send({ to: userId }, text, options);
  }

  /**
   * Takes back a message that waits for its `ack`: it is not sent again, and its promise rejects
   * with `DISCARDED`. Returns false if it does not wait. If it was on its way, or if the hub
   * answered `NOT_STORED`, it may still be stored.
   *
   * @example
   * button.onclick = () => client.discard(id);
   */
  discard(id: string): boolean {
    return this.#session.outbox.discard(id);
  }

  /**
   * Makes an id for `send`: to show a message before its `ack`, or to send a failed one again.
   *
   * @example
   * const id = client.newId();
   * showPending(id, text);
   * await client.send('park', text, { id });
   */
  newId(): string {
    return this.#uuid();
  }

  /**
   * Reads a page of messages, oldest first: those below the offset `before`, otherwise the latest.
   *
   * @param options `before`: an offset, 0 or more. `limit`: 1-100, 50 by default.
   * @returns `more`: older messages exist.
   * @throws ClientError the hub's code (`FORBIDDEN`, `RATE_LIMITED`, `UNAVAILABLE`, ...),
   *   `TIMEOUT`, `CLOSED`, `USER_CHANGED`.
   *
   * @example
   * const { messages, more } = await client.history('park', { before: shown[0].offset, limit: 50 });
   */
  async history(
    room: string,
    options: { readonly before?: number; readonly limit?: number } = {},
  ): Promise<{ readonly messages: readonly PageMessage[]; readonly more: boolean }> {
    const { messages, more } = await this.#open(() => this.#session.requests.ask({ type: 'history', room, ...options }));
    return { messages, more };
  }

  /**
   * Asks who is in a room: `count` distinct users, and the first 100 by name (any 100 in rooms of
   * over 200).
   *
   * @throws ClientError the hub's code (`FORBIDDEN`, ...), `TIMEOUT`, `CLOSED`, `USER_CHANGED`.
   *
   * @example
   * const { count, users } = await client.presence('park');
   */
  async presence(room: string): Promise<{ readonly count: number; readonly users: readonly Person[] }> {
    const { count, users } = await this.#open(() => this.#session.requests.ask({ type: 'presence', room }));
    return { count, users };
  }

  /**
   * Asks how many distinct users are online.
   *
   * @throws ClientError the hub's code (`FORBIDDEN` for customers, ...), `TIMEOUT`, `CLOSED`,
   *   `USER_CHANGED`.
   *
   * @example
   * const count = await client.online();
   */
  async online(): Promise<number> {
    const { count } = await this.#open(() => this.#session.requests.ask({ type: 'query', query: 'onLineNumber' }));
    return count;
  }

  /**
   * Asks the hub for a sign of life. Resolves with the hub's time, Unix milliseconds. The client
   * notices a dead connection without it.
   *
   * @throws ClientError the hub's code, `TIMEOUT`, `CLOSED`, `USER_CHANGED`.
   *
   * @example
   * const skew = (await client.ping()) - Date.now();
   */
  async ping(): Promise<number> {
    const { at } = await this.#open(() => this.#session.requests.ask({ type: 'ping' }));
    return at;
  }

  /**
   * Gives the hub a fresh token of the same user, on the same connection: after the user's rights
   * changed, for example. The client renews a token that ends by itself. Resolves with the end of
   * the new token, Unix seconds.
   *
   * @throws ClientError `NO_TOKEN` if `getToken` threw, `MISSING_TOKEN` if it returned none,
   *   `TOKEN_EXPIRED`, `FORBIDDEN` for a token of another user, `TIMEOUT`, `CLOSED`, and
   *   `UNAVAILABLE` if the connection broke: the next one begins with a new token anyway.
   *
   * @example
   * await buyAccessTo('room-of-members');
   * await client.refresh();
   * await client.join('room-of-members');
   */
  refresh(): Promise<number> {
    return this.#open(() => this.#session.renewal.refresh());
  }

  /**
   * Tells the others that this user types. Call it at each keystroke: it is sent once a second at
   * most, and dropped without a connection.
   *
   * @example
   * input.oninput = () => client.typing('park');
   */
  typing(room: string): void {
    this.#session.typing.tell(room);
  }

  /**
   * All messages of the room up to this offset reached the user: they are not unread any more.
   * Needed with `delivered: 'manual'` only.
   *
   * @example
   * onSeen(({ room, offset }) => client.delivered(room, offset));
   */
  delivered(room: string, offset: number): void {
    this.#session.deliveries.mark(room, offset);
  }

  #send(
    target: { readonly room: string } | { readonly to: string },
    text: string,
    { id = this.newId(), data }: SendOptions,
  ): Promise<SentMessage> {
    return this.#open(() => this.#session.outbox.add(id, target, text, data));
  }

  async #open<T>(ask: () => Promise<T>): Promise<T> {
    const { state, reason } = this.status;
    if (state === 'closed' || state === 'refused') throw new ClientError('CLOSED', reason?.message ?? reason?.code ?? state);
    return await ask();
  }
}
