/** An agent's conversations: the queue, my own and my colleagues'. Knows no React. */
import { createStore } from 'zustand/vanilla';
import type { ClientStatus, ParleyClient, Person } from '#libs/client/index.ts';
import { CONVERSATION_CHARS } from '#libs/protocol/limits.ts';
import type { EndedConversation } from '../conversation/earlier-conversations.ts';
import { codeOf } from '../conversation/error-code.ts';
import { followedBy } from '../conversation/page-unsent.ts';
import { Thread } from '../conversation/thread.ts';
import type { Timers } from '../conversation/timers.ts';
import type { UnsentTexts } from '../conversation/unsent-texts.ts';
import { banOf, banOfStatus } from '../login/ban-text.ts';
import type { BrowserLogin } from '../login/browser-login.ts';
import { ApiError } from '../login/hub-api.ts';
import type { View } from '../state/view.ts';
import { ConversationLists } from './conversation-lists.ts';
import { ReadMarks } from './read-marks.ts';
import type { Conversation, Current, Details, InboxEntry, LoginProblem, PagedName, WorkbenchView } from './workbench-view.ts';

interface WorkbenchOptions {
  readonly login: BrowserLogin;
  readonly connect: () => ParleyClient;
  readonly marks: Pick<Storage, 'getItem' | 'setItem'>;
  readonly timers: Timers;
  /** Keeps what an agent did not send yet over a reload. */
  readonly unsentOf: (agent: string) => UnsentTexts;
  /** Whether the page is visible. */
  readonly visible: () => boolean;
}

const BEGINNING: ClientStatus = { state: 'connecting', attempt: 0 };

/** The workbench of an agent. Its `view` is all that the pages show. */
export class Workbench {
  readonly #options: WorkbenchOptions;
  /** Threads of my conversations, and of ended ones that were opened or have something new. */
  readonly #threads = new Map<string, Thread>();
  #client: ParleyClient | undefined;
  #marks: ReadMarks | undefined;
  #unsent: UnsentTexts | undefined;
  #lists: ConversationLists | undefined;
  #conversations: readonly Conversation[] = [];
  #details: Details | undefined;
  #refreshing = false;
  #stale = false;
  readonly #store = createStore<WorkbenchView>(() => ({
    phase: 'starting',
    loginError: undefined,
    me: undefined,
    status: BEGINNING,
    mine: [],
    waiting: [],
    others: [],
    ended: [],
    more: { waiting: false, others: false, ended: false },
    current: undefined,
    colleagues: [],
    failure: undefined,
    limit: CONVERSATION_CHARS,
  }));
  readonly view: View<WorkbenchView> = this.#store;

  constructor(options: WorkbenchOptions) {
    this.#options = options;
  }

  /** Resumes the agent's login of this browser. No method rejects. */
  async start(): Promise<void> {
    this.#change({ phase: 'starting' });
    try {
      if (await this.#options.login.resume()) this.#openInbox();
      else this.#change({ phase: 'login' });
    } catch (error) {
      if (banOf(error) === undefined) this.#change({ phase: 'unreachable' });
      else this.#change({ phase: 'login', loginError: problemOf(error) });
    }
  }

  async logIn(username: string, password: string): Promise<void> {
    this.#change({ loginError: undefined });
    try {
      await this.#options.login.enter('/public/login', { username, password });
      this.#openInbox();
    } catch (error) {
      this.#change({ phase: 'login', loginError: problemOf(error) });
    }
  }

  async logOut(): Promise<void> {
    this.#unsent?.end();
    this.#closeInbox(undefined);
    await this.#options.login.leave().catch(() => undefined);
  }

  /** Shows a conversation. Undefined shows none. */
  async select(room: string | undefined): Promise<void> {
    const conversation = this.#conversations.find((one) => one.room === room);
    this.#details = conversation;
    if (this.#thread !== undefined) this.#thread.beginReading({ above: this.#marks?.of(this.#thread.room ?? '') ?? 0 });
    this.#change({ failure: undefined });
    if (conversation === undefined) return;
    const details = (await this.#try(() => this.#options.login.call('GET', `/conversations/${conversation.room}`))) as Details | undefined;
    if (details !== undefined && this.#details?.room === details.room) this.#details = details;
    this.#change();
    const client = this.#client;
    const over = details?.state === 'closed' && details.agent?.id === this.#me?.id;
    if (over && client !== undefined) {
      const thread = this.#threadOf(client, details.room);
      await this.#try(() => thread.read());
    }
    await this.#thread?.loadEarlier();
    this.#markRead();
  }

  /** Assigns a conversation to `agent`. Default: to me. */
  async assign(room: string, agent?: string): Promise<void> {
    const done = await this.#try(() =>
      this.#options.login.call('POST', `/conversations/${room}/assign`, agent === undefined ? {} : { agent }),
    );
    if (done !== undefined) this.#replace(done as Conversation);
    await this.refresh();
  }

  async close(room: string): Promise<void> {
    await this.#try(() => this.#options.login.call('POST', `/conversations/${room}/close`));
    await this.refresh();
  }

  /** If the connection waits for its next attempt, tries now. */
  retryNow(): void {
    this.#client?.retryNow();
  }

  /** The page became visible. */
  pageShown(): void {
    this.#markRead();
    void this.refresh();
  }

  /**
   * Reads all lists, because the hub does not announce changes of the queue. One read runs at a
   * time. Calls during a read share the next one.
   */
  async refresh(): Promise<void> {
    if (this.#client === undefined) return;
    this.#stale = true;
    if (this.#refreshing) return;
    this.#refreshing = true;
    try {
      while (this.#stale) {
        this.#stale = false;
        await this.#load();
      }
    } catch {
      // The banner shows that the hub cannot be reached. The next refresh asks again.
    } finally {
      this.#refreshing = false;
    }
  }

  /** Shows one more page of a list. */
  async more(name: PagedName): Promise<void> {
    this.#lists?.extend(name);
    await this.refresh();
  }

  get #thread(): Thread | undefined {
    return this.#details && this.#threads.get(this.#details.room);
  }

  get #me(): Person | undefined {
    return this.#store.getState().me;
  }

  #openInbox(): void {
    const { login, connect, marks } = this.#options;
    const me = login.user;
    if (me === undefined) return;
    this.#marks = new ReadMarks(marks, me.id);
    this.#lists = new ConversationLists(login.call, me.id);
    const client = connect();
    this.#client = client;
    this.#unsent = followedBy(this.#options.unsentOf(me.id), client);
    this.#change({ phase: 'inbox', me, status: client.status, loginError: undefined });
    client.on('welcome', ({ limits }) => {
      this.#change({ limit: limits.conversationChars ?? limits.messageChars });
      void this.refresh();
    });
    client.on('status', (status) => {
      if (status.state === 'refused' || status.state === 'closed') return this.#closeInbox(endOf(status.reason));
      this.#change({ status });
    });
    client.on('message', ({ room, offset, message }) => {
      // Waiting messages may arrive before the lists are read.
      this.#threadOf(client, room).receive({ offset, message });
    });
    client.on('resync', ({ room, messages }) => this.#threads.get(room)?.resync(messages));
    client.on('typing', ({ room, user }) => this.#threads.get(room)?.typing(user));
    client.on('room_closed', ({ room, reason }) => {
      this.#threads.get(room)?.end('over', reason);
      const closed = this.#conversations.find((one) => one.room === room);
      if (closed !== undefined) this.#replace({ ...closed, state: 'closed' });
      void this.refresh();
    });
    // The customer came or went.
    client.on('member', () => void this.refresh());
    client.on('command', ({ code }) => {
      if (code === 'conversation') void this.refresh();
    });
    client.connect();
  }

  /** Closes the connection and shows the login form. */
  #closeInbox(loginError: LoginProblem | undefined): void {
    const client = this.#client;
    if (client === undefined) return;
    this.#client = undefined;
    this.#lists = undefined;
    client.close();
    const threads = [...this.#threads.values()];
    this.#threads.clear();
    for (const thread of threads) thread.end('over', 'CLOSED');
    this.#conversations = [];
    this.#details = undefined;
    this.#change({ phase: 'login', loginError, me: undefined, colleagues: [] });
  }

  async #load(): Promise<void> {
    const { login } = this.#options;
    const lists = this.#lists;
    if (lists === undefined) return;
    const [listed, online] = await Promise.all([lists.load(), login.call('GET', '/agents') as Promise<{ agents: Person[] }>]);
    const shown = this.#details?.room;
    // The conversation in view may be on a page that was not read.
    const apart =
      shown !== undefined && listed.every(({ room }) => room !== shown)
        ? ((await login.call('GET', `/conversations/${shown}`).catch(() => undefined)) as Conversation | undefined)
        : undefined;
    const me = login.user?.id;
    const client = this.#client;
    if (client === undefined || me === undefined || lists !== this.#lists) return;
    this.#conversations = apart === undefined ? listed : [...listed, apart];
    if (this.#details !== undefined) {
      const now = this.#conversations.find(({ room }) => room === this.#details?.room);
      this.#details = { ...this.#details, ...(now ?? { state: 'closed' }) };
    }
    const own = this.#conversations.filter(({ agent }) => agent?.id === me);
    const mine = own.filter(({ state }) => state === 'assigned');
    const rooms = new Set(own.map(({ room }) => room));
    // A colleague's conversation sends me no messages, so this thread would be out of date.
    for (const [room, thread] of this.#threads) if (!rooms.has(room)) this.#drop(room, thread);
    this.#marks?.retain(rooms);
    const more = { waiting: lists.more('waiting'), others: lists.more('others'), ended: lists.more('ended') };
    this.#change({ colleagues: online.agents.filter(({ id }) => id !== me), more });
    await Promise.all(mine.map(({ room }) => this.#enter(client, room)));
    // The conversation in view may be mine since now.
    if (mine.some(({ room }) => room === this.#details?.room)) await this.#thread?.loadEarlier();
    this.#markRead();
  }

  async #enter(client: ParleyClient, room: string): Promise<void> {
    const thread = this.#threadOf(client, room);
    // If I cannot enter it, it is not mine any more, or the next refresh tries again.
    if (thread.status === 'idle') await thread.join().catch(() => undefined);
  }

  #threadOf(client: ParleyClient, room: string): Thread {
    const known = this.#threads.get(room);
    if (known !== undefined) return known;
    const me = this.#me ?? { id: '', name: '' };
    const unsent = this.#unsent;
    const earlier = () => this.#endedBefore(room);
    const parts = { client, room, me, timers: this.#options.timers, keepsHistory: true, earlier };
    const thread = new Thread(unsent === undefined ? parts : { ...parts, unsent });
    thread.view.subscribe(() => this.#threads.get(room) === thread && this.#changed(room));
    this.#threads.set(room, thread);
    return thread;
  }

  /** The ended conversations of the same customer that were opened before this one. */
  async #endedBefore(room: string): Promise<EndedConversation[]> {
    const one = this.#conversations.find((conversation) => conversation.room === room);
    if (one === undefined) return [];
    const list = `/conversations?state=closed&customer=${encodeURIComponent(one.customer.id)}`;
    const { conversations } = (await this.#options.login.call('GET', list)) as { readonly conversations: readonly Conversation[] };
    return conversations
      .filter((other) => other.room !== room && other.createdAt <= one.createdAt)
      .map((other) => ({ room: other.room, endedAt: other.endedAt ?? other.createdAt }));
  }

  #drop(room: string, thread: Thread): void {
    this.#threads.delete(room);
    thread.end('refused', 'FORBIDDEN');
    void this.#client?.leave(room).catch(() => undefined);
  }

  #changed(room: string): void {
    if (room === this.#details?.room) this.#markRead();
    this.#change();
  }

  /** Marks the messages in view as read. */
  #markRead(): void {
    const thread = this.#thread;
    const room = thread?.room;
    if (thread === undefined || room === undefined || !this.#options.visible() || thread.top <= (this.#marks?.of(room) ?? 0)) return;
    this.#marks?.set(room, thread.top);
    this.#client?.delivered(room, thread.top);
    this.#change();
  }

  #unread(thread: Thread): number {
    return thread.unread(this.#marks?.of(thread.room ?? '') ?? 0);
  }

  #replace(changed: Conversation): void {
    this.#conversations = this.#conversations.map((one) => (one.room === changed.room ? changed : one));
    if (this.#details?.room === changed.room) this.#details = { ...this.#details, ...changed };
    this.#change();
  }

  /** Undefined if the request failed. Then `failure` has the code. */
  async #try(ask: () => Promise<unknown>): Promise<unknown> {
    try {
      return await ask();
    } catch (error) {
      this.#change({ failure: codeOf(error) });
      return undefined;
    }
  }

  #change(changes: Partial<WorkbenchView> = {}): void {
    const me = (changes.me ?? ('me' in changes ? undefined : this.#me))?.id;
    const open = this.#conversations.filter(({ state }) => state !== 'closed');
    const closed = this.#conversations.filter(({ state }) => state === 'closed');
    const oldestFirst = (one: Conversation, other: Conversation) => one.createdAt - other.createdAt;
    this.#store.setState({
      ...changes,
      mine: open.filter(({ agent }) => agent !== undefined && agent.id === me).map((one) => this.#entry(one)),
      waiting: open.filter(({ state }) => state === 'queued').toSorted(oldestFirst),
      others: open.filter(({ agent }) => agent !== undefined && agent.id !== me),
      ended: closed.filter(({ agent }) => agent?.id === me).map((one) => this.#entry(one)),
      current: this.#current(me),
    });
  }

  #entry(conversation: Conversation): InboxEntry {
    const thread = this.#threads.get(conversation.room);
    return {
      conversation,
      unread: thread === undefined ? 0 : this.#unread(thread),
      last: thread?.lastText,
      typing: thread?.view.getState().typing[0],
    };
  }

  #current(me: string | undefined): Current | undefined {
    const details = this.#details;
    if (details === undefined) return undefined;
    const mine = details.agent !== undefined && details.agent.id === me;
    const client = this.#client;
    return { details, thread: mine && client !== undefined ? this.#threadOf(client, details.room) : undefined };
  }
}

function problemOf(error: unknown): LoginProblem {
  return { code: codeOf(error), ban: banOf(error), retryAfter: error instanceof ApiError ? error.retryAfter : undefined };
}

function endOf(reason: ClientStatus['reason']): LoginProblem | undefined {
  return reason && { code: reason.code, ban: banOfStatus(reason) };
}
