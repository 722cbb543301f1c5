/**
 * The customer's side of a conversation: the customer, the conversation and its messages. Knows no
 * React.
 */

import { createStore } from 'zustand/vanilla';
import type { ClientStatus, ParleyClient, Person } from '#libs/client/index.ts';
import { CONVERSATION_CHARS } from '#libs/protocol/limits.ts';
import { codeOf } from '../conversation/error-code.ts';
import { followedBy } from '../conversation/page-unsent.ts';
import { Thread } from '../conversation/thread.ts';
import type { Acked } from '../conversation/thread-state.ts';
import type { Timers } from '../conversation/timers.ts';
import type { UnsentTexts } from '../conversation/unsent-texts.ts';
import { type BanFacts, banOf, banOfStatus } from '../login/ban-text.ts';
import type { BrowserLogin } from '../login/browser-login.ts';
import type { View } from '../state/view.ts';
import { type CustomerConversation, CustomerConversations } from './customer-conversations.ts';
import type { CustomerMemory } from './customer-memory.ts';

/**
 * `form`: asks for the name. `refused`: the hub accepts no customers here, or ended the connection.
 */
export type Phase = 'starting' | 'form' | 'chat' | 'unreachable' | 'refused';

/** The state of the widget. */
export interface ChatView {
  readonly phase: Phase;
  /** With `refused`: the customer is banned. */
  readonly ban: BanFacts | undefined;
  /** Why the name was refused: an error code of the hub. */
  readonly formError: string | undefined;
  readonly me: Person;
  /** The state of the connection to the hub. */
  readonly connection: 'fine' | 'reconnecting' | 'offline';
  readonly conversation: CustomerConversation | undefined;
  /**
   * The messages of the conversation, or of the next one. Undefined until the customer is known.
   */
  readonly thread: Thread | undefined;
  /** Longest message, in code points. */
  readonly limit: number;
  readonly unread: number;
  /** The customer opened the widget to write. */
  readonly focused: boolean;
}

/** Codes after which the customer is not known any more. */
const LOGIN_OVER: ReadonlySet<string> = new Set(['TOKEN_EXPIRED', 'MISSING_TOKEN', 'LOGGED_OUT']);

interface CustomerChatOptions {
  readonly login: BrowserLogin;
  readonly memory: CustomerMemory;
  readonly channel: string;
  /** Facts about the customer for the agents. */
  readonly metadata: () => Readonly<Record<string, string>>;
  /** Makes a client that is not connected yet. */
  readonly connect: () => ParleyClient;
  readonly timers: Timers;
  /** Keeps what a customer did not send yet over a reload. */
  readonly unsentOf: (customer: string) => UnsentTexts;
  readonly uuid: () => string;
}

/** The chat of one customer. Its `view` is all that the widget shows. */
export class CustomerChat {
  readonly #options: CustomerChatOptions;
  #client: ParleyClient | undefined;
  #unsent: UnsentTexts | undefined;
  /** The request that opens a conversation, while it runs. */
  #opening: Promise<string> | undefined;
  readonly #conversations: CustomerConversations;
  /** The name of the last try. */
  #lastName: string | undefined;
  #visible = false;
  readonly #store = createStore<ChatView>(() => ({
    phase: 'starting',
    ban: undefined,
    formError: undefined,
    me: { id: '', name: '' },
    connection: 'fine',
    conversation: undefined,
    thread: undefined,
    limit: CONVERSATION_CHARS,
    unread: 0,
    focused: false,
  }));
  readonly view: View<ChatView> = this.#store;

  constructor(options: CustomerChatOptions) {
    this.#options = options;
    this.#conversations = new CustomerConversations(options.login.call, options.uuid);
  }

  /**
   * Resumes the customer of this browser and their conversation, or asks for a name. No method
   * rejects.
   */
  async start(): Promise<void> {
    this.#change({ phase: 'starting', ban: undefined });
    try {
      const known = this.#options.memory.customer !== undefined && (await this.#options.login.resume());
      if (!known) {
        const { memory, uuid } = this.#options;
        if (memory.customer !== undefined) memory.forget();
        // Stored now, so that all tabs have it before the customer types a name.
        memory.attemptKey(uuid);
        this.#change({ phase: 'form' });
        return;
      }
      await this.#connect();
    } catch (error) {
      const ban = banOf(error);
      // `FORBIDDEN`: the hub accepts no customers of this channel.
      this.#change({ phase: ban !== undefined || codeOf(error) === 'FORBIDDEN' ? 'refused' : 'unreachable', ban });
    }
  }

  /**
   * Creates the customer, or takes the one that another tab has created. Tabs without a lock (plain
   * http, or frames without storage) share an `Idempotency-Key`.
   *
   * Two tabs can still become two customers: if they send different names at the same moment and
   * one is sent again by hand before its tab hears of the other, or if the embedding page has no
   * storage either.
   */
  async begin(name: string): Promise<void> {
    const { login, memory, channel, metadata, uuid } = this.#options;
    // Another name is another request.
    if (this.#lastName !== undefined && this.#lastName !== name) memory.endAttempt();
    this.#lastName = name;
    this.#change({ formError: undefined });
    try {
      const newcomer = { name: name.trim(), channel, metadata: metadata() };
      await login.enterOnce(
        '/customers',
        newcomer,
        () => memory.attemptKey(uuid),
        ({ id }) => {
          if (memory.customer?.id !== id) memory.remember({ id });
          memory.endAttempt();
        },
      );
      await this.#connect();
    } catch (error) {
      // Another tab has created the customer, and this tab has resumed it.
      if (this.#state.phase !== 'form' && this.#client !== undefined) return;
      // The key belonged to another tab, or to an earlier try.
      if (codeOf(error) === 'KEY_REUSED') memory.endAttempt();
      const ban = banOf(error);
      if (ban !== undefined) return this.#change({ phase: 'refused', ban });
      this.#change({ formError: codeOf(error), ...(this.#state.phase === 'starting' ? {} : { phase: 'form' }) });
    }
  }

  /** Another tab changed the stored customer or conversation. Takes the change over. */
  async followOtherTab(): Promise<void> {
    const { phase, conversation } = this.#state;
    const kept = this.#options.memory.customer;
    if (phase === 'form' && kept !== undefined) return this.start();
    const isOver = conversation === undefined || conversation.state === 'closed';
    if (phase === 'chat' && isOver && kept?.room !== undefined && kept.room !== conversation?.room) await this.#refresh(kept.room);
  }

  /** Publishes a message. If there is no open conversation, opens one. */
  publish(text: string): void {
    const { conversation } = this.#state;
    if (conversation?.state === 'closed') {
      this.#change({ conversation: undefined });
      this.#thread?.beginNext(conversation.endedAt ?? this.#options.timers.now());
    }
    this.#thread?.publish(text);
  }

  /** Ends the conversation. */
  async end(): Promise<void> {
    const { conversation } = this.#state;
    if (conversation === undefined) return;
    try {
      await this.#options.login.call('POST', `/conversations/${conversation.room}/close`);
    } catch (error) {
      // The agent may have ended it at the same time. After any other error it stays open.
      if (codeOf(error) !== 'ROOM_CLOSED') return;
    }
    this.#markClosed(conversation.room);
  }

  /** Whether the widget is visible. If it is, its messages count as read. */
  setVisible(shown: boolean, focused: boolean): void {
    if (shown && !this.#visible) this.#thread?.beginReading({ above: this.#options.memory.customer?.read ?? 0 });
    this.#visible = shown;
    this.#change({ focused });
  }

  get #state(): ChatView {
    return this.#store.getState();
  }

  get #thread(): Thread | undefined {
    return this.#state.thread;
  }

  /** The conversation in view, or the one shown last in this browser. */
  get #lastRoom(): string | undefined {
    return this.#state.conversation?.room ?? this.#options.memory.customer?.room;
  }

  get #me(): { readonly id: string; readonly name: string } {
    return this.#options.login.user ?? { id: '', name: '' };
  }

  /** Connects the known customer and shows their conversation. */
  async #connect(): Promise<void> {
    // Another tab may have created the customer while the name was sent.
    if (this.#client !== undefined) return;
    const client = this.#options.connect();
    this.#client = client;
    this.#unsent = followedBy(this.#options.unsentOf(this.#me.id), client);
    this.#change({ phase: 'chat', me: this.#me });
    this.#beginThread();
    client.on('welcome', ({ limits }) => {
      this.#change({ limit: limits.conversationChars ?? limits.messageChars });
      void this.#refresh();
    });
    client.on('status', ({ state, reason }) => {
      if (state === 'refused' || state === 'closed') return this.#refused(reason);
      this.#change({ connection: state === 'reconnecting' || state === 'offline' ? state : 'fine' });
    });
    client.on('message', ({ room, offset, message }) => {
      if (room === this.#thread?.room) this.#thread.receive({ offset, message });
    });
    client.on('resync', ({ room, messages }) => {
      if (room === this.#thread?.room) this.#thread.resync(messages);
    });
    client.on('typing', ({ room, user }) => {
      if (room === this.#thread?.room) this.#thread.typing(user);
    });
    client.on('room_closed', ({ room }) => this.#markClosed(room));
    client.on('command', ({ code, body }) => {
      if (code === 'conversation') this.#reassigned(body as CustomerConversation);
    });
    client.connect();
  }

  /**
   * The connection was refused or closed. If the login itself is over, the next customer may be
   * another one. Otherwise the same one returns.
   */
  #refused(reason: ClientStatus['reason']): void {
    const code = reason?.code;
    this.#client?.close();
    this.#client = undefined;
    if (code !== undefined && LOGIN_OVER.has(code)) {
      this.#options.memory.forget();
      this.#unsent?.end();
    }
    this.#change({ phase: 'refused', ban: banOfStatus(reason), conversation: undefined, thread: undefined });
  }

  /** Reads what happened to the conversation while there was no connection. */
  async #refresh(newer?: string): Promise<void> {
    try {
      const found = await this.#conversations.find(newer ?? this.#lastRoom);
      const thread = this.#thread;
      const isOnItsWay = thread?.room === undefined && thread?.waitsForResume === false;
      const waiting = isOnItsWay ? thread.view.getState().outbox : [];
      if (found !== undefined && waiting.length === 0) await this.#enter(found);
      // Without a room to join, what a reload left goes on its way here.
      if (found === undefined || found.state === 'closed') this.#thread?.resume();
      const failed = waiting.find(({ state }) => state === 'failed');
      if (failed !== undefined) thread?.retry(failed.id);
    } catch {
      // The next `welcome` asks again.
    }
  }

  async #enter(conversation: CustomerConversation): Promise<void> {
    const { room, state } = conversation;
    this.#change({ conversation });
    if (this.#client === undefined || (state !== 'closed' && this.#thread?.room === room && this.#thread.status === 'open')) return;
    this.#remember(room);
    if (this.#thread?.room !== undefined && this.#thread.room !== room) this.#beginThread();
    const thread = this.#thread;
    if (thread === undefined) return;
    thread.assignRoom(room);
    // Its last messages may have been published while there was no connection.
    if (state === 'closed') await thread.read();
    else
      try {
        await thread.join();
      } catch (error) {
        if (codeOf(error) !== 'ROOM_CLOSED') throw error;
        this.#markClosed(room);
        await thread.read();
      }
    await thread.loadEarlier();
  }

  /**
   * Shows an empty thread. Its room is the conversation that is found, or that the first message
   * opens.
   */
  #beginThread(): void {
    const client = this.#client;
    if (client === undefined) return;
    const unsent = this.#unsent;
    const thread: Thread = new Thread({
      ...(unsent !== undefined && { unsent, place: 'conversation' }),
      client,
      me: this.#me,
      timers: this.#options.timers,
      keepsHistory: true,
      earlier: () => this.#conversations.ended(thread.room),
      // While the first messages wait for the room, later ones wait behind them.
      send: (room, id, text) =>
        room === undefined || this.#opening !== undefined ? this.#sendFirst(client, id, text) : client.send(room, text, { id }),
    });
    thread.view.subscribe(() => this.#thread === thread && this.#change());
    this.#change({ thread });
  }

  /**
   * Sends a message into the open conversation. If there is none, opens one for all waiting
   * messages.
   */
  async #sendFirst(client: ParleyClient, id: string, text: string): Promise<Acked> {
    this.#opening ??= this.#open(text).finally(() => {
      this.#opening = undefined;
    });
    const room = await this.#opening;
    return client.send(room, text, { id });
  }

  async #open(text: string): Promise<string> {
    const known = await this.#conversations.find(this.#lastRoom);
    const open = known === undefined || known.state === 'closed' ? await this.#conversations.open(text, known?.room) : known;
    await this.#enter(open);
    return open.room;
  }

  #reassigned(changed: CustomerConversation): void {
    if (changed.room === this.#state.conversation?.room) this.#change({ conversation: changed });
  }

  #markClosed(room: string): void {
    const { conversation } = this.#state;
    if (conversation?.room !== room) return;
    this.#change({ conversation: { ...conversation, state: 'closed', endedAt: this.#options.timers.now() } });
    this.#thread?.end('over', 'ROOM_CLOSED');
  }

  #remember(room: string): void {
    const { memory } = this.#options;
    const kept = memory.customer ?? { id: this.#me.id };
    if (kept.room !== room) memory.remember({ id: kept.id, room, read: 0 });
  }

  #change(changes: Partial<ChatView> = {}): void {
    this.#store.setState({ ...changes, unread: this.#countUnread('thread' in changes ? changes.thread : this.#thread) });
  }

  /** The number of unread messages. While the widget is visible, marks all of them as read. */
  #countUnread(thread: Thread | undefined): number {
    const { memory } = this.#options;
    const kept = memory.customer;
    if (thread?.room === undefined || kept?.room !== thread.room) return 0;
    const { top } = thread;
    if (!this.#visible || top <= (kept.read ?? 0)) return thread.unread(kept.read ?? 0);
    memory.remember({ ...kept, read: top });
    this.#client?.delivered(thread.room, top);
    return 0;
  }
}
