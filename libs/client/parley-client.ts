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
 * It comes back after every loss, joins its rooms again and says what was missed; a message is kept until it is acked, and sent again with the same id; each
 * message is handed over once, and each room's in order. What cannot be recovered is told by `resync`.
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
   * How it stands now; each change comes as a `status` event.
   *
   * @example
   * if (client.status.state === 'reconnecting') showCountdown(client.status.retryAt);
   */
  get status(): ClientStatus {
    return this.#session.connector.status;
  }

  /**
   * What the hub said of this user, itself and its limits; undefined before the first connection.
   *
   * @example
   * input.maxLength = client.welcome?.limits.messageChars ?? 200;
   */
  get welcome(): WelcomeFrame | undefined {
    return this.#session.welcome;
  }

  /**
   * Connects, and stays connected. Does nothing where it is under way. After `refused`, or `closed` by the hub, it begins anew: call it when somebody has
   * logged in. After `close()` it does nothing.
   *
   * @example
   * await login();
   * client.connect();
   */
  connect(): void {
    if (!this.#closed) this.#session.connector.start();
  }

  /**
   * Ends the connection for good. What is not answered yet rejects with `CLOSED`; `status` tells of it, and no event comes after that.
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
   * Listens to an event. Returns a function that ends it.
   *
   * @example
   * const off = client.on('room_online', ({ room, count }) => show(room, count));
   * off();
   */
  on<K extends keyof ClientEvents>(type: K, listener: (event: ClientEvents[K]) => void): () => void {
    return this.#session.events.on(type, listener);
  }

  /**
   * Enters a room and stays in it over reconnects, until `leave`, `room_closed` or `room_lost`. Gives its latest page; with `since`, what was missed, where `recovered` is true.
   * What is said later comes as `message` events; with a fast line the first of them may come before this promise's continuation runs, so listen first and tell
   * messages apart by `offset`. Joining a room that it is in gives the latest page.
   *
   * @throws ClientError the hub's code (`FORBIDDEN`, `ROOM_NOT_FOUND`, `ROOM_LIMIT`, ...), `TIMEOUT`, `LEFT`, `CLOSED`, `USER_CHANGED`.
   *
   * @example
   * const { messages, epoch, offset } = await client.join('park');
   * const { recovered } = await client.join('news', { since: kept });
   */
  join(room: string, options: { readonly since?: Position } = {}): Promise<JoinResult> {
    return this.#open(() => Promise.race(this.#session.join([{ room, ...options }])));
  }

  /**
   * Enters many rooms: one frame for up to 100 of them. Gives an answer for each, in the order they were asked for; it rejects with `CLOSED` alone.
   *
   * @example
   * const answers = await client.joinAll([{ room: 'park' }, { room: 'news', since: { epoch, offset } }]);
   * for (const answer of answers) if (answer.status === 'rejected') console.log(answer.reason.code);
   */
  joinAll(rooms: readonly JoinTarget[]): Promise<PromiseSettledResult<JoinResult>[]> {
    return this.#open(() => Promise.allSettled(this.#session.join(rooms)));
  }

  /**
   * Leaves a room: it is not joined again. What is said there until the hub has answered may still come.
   *
   * @example
   * await client.leave('park');
   */
  leave(room: string): Promise<void> {
    return this.#open(() => this.#session.leave(room));
  }

  /**
   * Publishes a message in a room. Resolves when the hub has taken it: in a room that keeps history, when it is stored (M1). Kept while there is no connection and sent again
   * with the same id, so that it is said once. Your own messages come as `message` events, too.
   *
   * @throws ClientError the hub's code (`NOT_JOINED`, `MESSAGE_TOO_LONG`, ...), `TOO_LARGE`, `QUEUE_FULL`, `EXPIRED`, `CLOSED`, `USER_CHANGED`.
   * TypeError for a `data` that is no JSON, RangeError for an `id` of more than 64 characters.
   *
   * @example
   * const { message } = await client.send('park', 'Hello', { data: { mood: 'fine' } });
   */
  send(room: string, text: string, options: SendOptions = {}): Promise<SentMessage> {
    return this.#send({ room }, text, options);
  }

  /**
   * Publishes a direct message to a user. The room, made with the first message, is in the answer. As `send`; `USER_NOT_FOUND` for a user who was never here.
   *
   * @example
   * const { room } = await client.sendTo(user.id, 'Hello');
   */
  sendTo(userId: string, text: string, options: SendOptions = {}): Promise<SentMessage> {
    return this.#send({ to: userId }, text, options);
  }

  /**
   * Takes back a message that waits: it is not sent, or not again, and its promise rejects with `DISCARDED`. False if it does not wait (any more). One that was on its
   * way already may have arrived, and one that the hub answered `NOT_STORED` may still be stored.
   *
   * @example
   * button.onclick = () => client.discard(id);
   */
  discard(id: string): boolean {
    return this.#session.outbox.discard(id);
  }

  /**
   * An id for `send`, made beforehand: to show a message before it is acked, or to try again one that failed.
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
   * Reads a page of older messages, oldest first: those below the offset `before`, otherwise the latest. `limit` is 1-100, 50 by default.
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
   * Asks who is in a room: distinct users, the first 100 by name.
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
   * @example
   * const count = await client.online();
   */
  async online(): Promise<number> {
    const { count } = await this.#open(() => this.#session.requests.ask({ type: 'query', query: 'onLineNumber' }));
    return count;
  }

  /**
   * Asks the hub for a sign of life. Gives its time, Unix milliseconds. A dead line is noticed without it.
   *
   * @example
   * const skew = (await client.ping()) - Date.now();
   */
  async ping(): Promise<number> {
    const { at } = await this.#open(() => this.#session.requests.ask({ type: 'ping' }));
    return at;
  }

  /**
   * Gives the hub a fresh token of the same user now, on the same connection: after rights in it have changed, say. That it ends is seen to without it.
   * Resolves with the new token's end, Unix seconds.
   *
   * @throws ClientError `NO_TOKEN` if `getToken` threw, `MISSING_TOKEN` if it gave none, `TOKEN_EXPIRED`, `FORBIDDEN` for a token of another user, `TIMEOUT`,
   * `UNAVAILABLE` if the line broke: the next one begins with a token anyway.
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
   * Tells the others that this user types: call it at each keystroke, it goes out once a second at most.
   *
   * @example
   * input.oninput = () => client.typing('park');
   */
  typing(room: string): void {
    this.#session.typing.tell(room);
  }

  /**
   * Everything in the room up to this offset reached the user: it is not unread any more. Needed with `delivered: 'manual'` only.
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
