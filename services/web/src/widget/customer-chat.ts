/** The customer's side of a conversation: who they are, which conversation, what is said. Framework-free. */
import type { ParleyClient, Person } from '#libs/client/index.ts';
import { codeOf, type Line, Timeline } from '../conversation/timeline.ts';
import { Typists } from '../conversation/typists.ts';
import type { BrowserLogin } from '../login/browser-login.ts';
import { ApiError } from '../login/hub-api.ts';
import type { CustomerMemory } from './kept-customer.ts';
import { subjectOf } from './subject.ts';

/** Where the customer is: looking for them, asking their name, at the chat, or without it. */
export type Phase = 'starting' | 'form' | 'chat' | 'unreachable' | 'refused';

/** A conversation as the API has it. */
export interface Conversation {
  readonly room: string;
  readonly state: 'queued' | 'assigned' | 'closed';
  readonly customer: Person;
  readonly agent?: Person;
}

export interface ChatView {
  readonly phase: Phase;
  /** Why the name was not taken: a code of the error table. */
  readonly formError: string | undefined;
  readonly me: string;
  /** The line to the hub. */
  readonly connection: 'fine' | 'reconnecting' | 'offline';
  readonly conversation: Conversation | undefined;
  readonly lines: readonly Line[];
  readonly more: boolean;
  /** Something before the lines could not be recovered. */
  readonly gap: boolean;
  readonly typing: Person | undefined;
  /** Code points a message may have. */
  readonly limit: number;
  readonly unread: number;
  /** Somebody opened it to write. */
  readonly focused: boolean;
}

/** The ends after which nobody is known any more. */
const LOGIN_OVER: ReadonlySet<string> = new Set(['TOKEN_EXPIRED', 'MISSING_TOKEN', 'LOGGED_OUT']);

export interface CustomerChatOptions {
  readonly login: BrowserLogin;
  readonly memory: CustomerMemory;
  readonly channel: string;
  /** What the agents are told of the customer. */
  readonly metadata: () => Readonly<Record<string, string>>;
  /** A client that is not connected yet. */
  readonly connect: () => ParleyClient;
  readonly clock: () => number;
  readonly uuid: () => string;
  /** After every change. */
  readonly told: (view: ChatView) => void;
}

/** Until `welcome` tells. */
const LIMIT = 200;

export class CustomerChat {
  readonly #options: CustomerChatOptions;
  readonly #listeners = new Set<() => void>();
  readonly #typists: Typists;
  #client: ParleyClient | undefined;
  #timeline: Timeline | undefined;
  /** What was written while there is no conversation yet to write it to, and the opening of one that is under way. */
  #firsts: readonly Line[] = [];
  #opening: Promise<void> | undefined;
  /** The `Idempotency-Key` of the conversation that is asked for after another one, or after none. */
  #openingKey: { readonly after: string | undefined; readonly key: string } | undefined;
  /** The name that was last tried. */
  #tried: string | undefined;
  #shown = false;
  #view: ChatView = {
    phase: 'starting',
    formError: undefined,
    me: '',
    connection: 'fine',
    conversation: undefined,
    lines: [],
    more: false,
    gap: false,
    typing: undefined,
    limit: LIMIT,
    unread: 0,
    focused: false,
  };

  constructor(options: CustomerChatOptions) {
    this.#options = options;
    this.#typists = new Typists(() => this.#change());
  }

  get view(): ChatView {
    return this.#view;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Finds out whether the customer was here before; goes on with their conversation. Nothing here rejects. */
  async start(): Promise<void> {
    this.#change({ phase: 'starting' });
    try {
      const known = this.#options.memory.value !== undefined && (await this.#options.login.resume());
      if (!known) {
        const { memory, uuid } = this.#options;
        if (memory.value !== undefined) memory.value = undefined;
        // Kept from now on, for all tabs to have it before anybody writes a name.
        memory.attempt ??= uuid();
        this.#change({ phase: 'form' });
        return;
      }
      await this.#come();
    } catch (error) {
      // The hub lets no customers in (any more): to try again at once is of no use.
      this.#change({ phase: codeOf(error) === 'FORBIDDEN' ? 'refused' : 'unreachable' });
    }
  }

  /**
   * Comes in under a name; as the customer of another tab where there is one. Tabs that may have no lock (plain http, frames that may keep nothing) share an
   * `Idempotency-Key`. What remains there: where two tabs send different names within the moment in which the first one is kept, and the second is sent again
   * by hand before the page hears of it, or where the embedding page may keep nothing either, each is a customer of its own.
   */
  async begin(name: string): Promise<void> {
    const { login, memory, channel, metadata, uuid } = this.#options;
    // Another name is another request.
    if (this.#tried !== undefined && this.#tried !== name) memory.attempt = undefined;
    this.#tried = name;
    this.#change({ formError: undefined });
    try {
      const newcomer = { name: name.trim(), channel, metadata: metadata() };
      const key = () => {
        memory.attempt ??= uuid();
        return memory.attempt;
      };
      await login.enterOnce('/customers', newcomer, key, ({ id }) => {
        if (memory.value?.id !== id) memory.value = { id };
        memory.attempt = undefined;
      });
      await this.#come();
    } catch (error) {
      // Another tab is this customer by now, and so is this one.
      if (this.#view.phase !== 'form' && this.#client !== undefined) return;
      // The key was another tab's, which is about to be heard of, or that of an earlier try.
      if (codeOf(error) === 'KEY_REUSED') memory.attempt = undefined;
      this.#change({ formError: codeOf(error), ...(this.#view.phase === 'starting' ? {} : { phase: 'form' }) });
    }
  }

  /** Another tab of this browser changed what is kept: its customer, or their conversation, is the one here, too. Nothing here rejects. */
  async elsewhere(): Promise<void> {
    const { phase, conversation } = this.#view;
    const kept = this.#options.memory.value;
    if (phase === 'form' && kept !== undefined) return this.start();
    const isOver = conversation === undefined || conversation.state === 'closed';
    if (phase === 'chat' && isOver && kept?.room !== undefined && kept.room !== conversation?.room) await this.#refresh(kept.room);
  }

  /** Says something; where there is no conversation, or none any longer, one is opened for it. */
  async say(text: string): Promise<void> {
    const { conversation } = this.#view;
    const waiting = this.#firsts.length;
    if (waiting === 0) {
      if (this.#timeline !== undefined && conversation !== undefined && conversation.state !== 'closed') return this.#timeline.say(text);
      this.#timeline = undefined;
      this.#change({ conversation: undefined });
    }
    const { id, name } = this.#me;
    const at = this.#options.clock();
    this.#firsts = [
      ...this.#firsts,
      { key: `first-${waiting}`, id: undefined, offset: undefined, from: { id, name }, text, at, state: 'pending' },
    ];
    this.#change();
    await this.#open();
  }

  async retry(key: string): Promise<void> {
    if (this.#firsts.length === 0) return this.#timeline?.retry(key);
    this.#firsts = this.#firsts.map((line) => ({ ...line, state: 'pending', error: undefined }));
    this.#change();
    await this.#open();
  }

  async earlier(): Promise<void> {
    await this.#timeline?.earlier().catch(() => undefined);
  }

  typing(): void {
    const { conversation } = this.#view;
    if (conversation?.state === 'assigned') this.#client?.typing(conversation.room);
  }

  /** Ends the conversation. */
  async end(): Promise<void> {
    const { conversation } = this.#view;
    if (conversation === undefined) return;
    try {
      await this.#options.login.call('POST', `/conversations/${conversation.room}/close`);
    } catch (error) {
      // Both ends may end it at once; whatever else happened, it goes on.
      if (codeOf(error) !== 'ROOM_CLOSED') return;
    }
    this.#over(conversation.room);
  }

  /** Whether somebody can see it: what is seen is read. */
  show(shown: boolean, focused: boolean): void {
    this.#shown = shown;
    this.#change({ focused });
  }

  get #me(): { readonly id: string; readonly name: string } {
    return this.#options.login.user ?? { id: '', name: '' };
  }

  /** The customer is known: connects, and shows their conversation where they have one. */
  async #come(): Promise<void> {
    // Another tab may have brought them in while their name was sent.
    if (this.#client !== undefined) return;
    this.#change({ phase: 'chat', me: this.#me.id });
    const client = this.#options.connect();
    this.#client = client;
    client.on('welcome', ({ limits }) => {
      this.#change({ limit: limits.messageChars });
      void this.#refresh();
    });
    client.on('status', ({ state, reason }) => {
      if (state === 'refused' || state === 'closed') return this.#refused(reason?.code);
      this.#change({ connection: state === 'reconnecting' || state === 'offline' ? state : 'fine' });
    });
    client.on('message', ({ room, offset, message }) => {
      this.#typists.stop(message.from.id);
      if (room === this.#timeline?.room) this.#timeline.receive([{ offset, message }]);
    });
    client.on('resync', ({ room, messages }) => {
      if (room === this.#timeline?.room) this.#timeline.restart(messages);
    });
    client.on('typing', ({ room, user }) => {
      if (room === this.#timeline?.room) this.#typists.type(user);
    });
    client.on('room_closed', ({ room }) => this.#over(room));
    client.on('command', ({ code, body }) => {
      if (code === 'conversation') this.#changedHands(body as Conversation);
    });
    client.connect();
  }

  /** The way in is shut. Where the login itself is over, by another page perhaps, a new customer may come; else it is the same one who comes again. */
  #refused(code: string | undefined): void {
    this.#client?.close();
    this.#client = undefined;
    this.#timeline = undefined;
    if (code !== undefined && LOGIN_OVER.has(code)) this.#options.memory.value = undefined;
    this.#change({ phase: 'refused', conversation: undefined });
  }

  /** Asks what became of the conversation while nobody listened. */
  async #refresh(newer?: string): Promise<void> {
    try {
      const found = await this.#find(newer);
      if (found !== undefined && this.#firsts.length === 0) await this.#enter(found);
      const failed = this.#firsts.find(({ state }) => state === 'failed');
      if (failed !== undefined) await this.retry(failed.key);
    } catch {
      // The next welcome asks again.
    }
  }

  async #find(newer?: string): Promise<Conversation | undefined> {
    const { login, memory } = this.#options;
    const room = newer ?? this.#view.conversation?.room ?? memory.value?.room;
    if (room !== undefined) {
      try {
        return (await login.call('GET', `/conversations/${room}`)) as Conversation;
      } catch (error) {
        if (!(error instanceof ApiError) || (error.code !== 'FORBIDDEN' && error.code !== 'ROOM_NOT_FOUND')) throw error;
      }
    }
    const { rooms } = (await login.call('GET', '/rooms')) as {
      readonly rooms: readonly { readonly room: string; readonly kind: string }[];
    };
    const mine = rooms.find(({ kind }) => kind === 'conv');
    return mine && ((await login.call('GET', `/conversations/${mine.room}`)) as Conversation);
  }

  async #enter(conversation: Conversation): Promise<void> {
    const { room, state } = conversation;
    const client = this.#client;
    this.#change({ conversation });
    if (client === undefined || (state !== 'closed' && this.#timeline?.room === room && this.#timeline.ready)) return;
    this.#remember(room);
    if (this.#timeline?.room !== room)
      this.#timeline = new Timeline({ client, room, me: this.#me, clock: this.#options.clock, changed: () => this.#change() });
    const timeline = this.#timeline;
    // Its last words may have been said while nobody listened here.
    if (state === 'closed') return timeline.read();
    try {
      await timeline.open();
    } catch (error) {
      if (codeOf(error) !== 'ROOM_CLOSED') throw error;
      this.#over(room);
      await timeline.read();
    }
  }

  /** Opens a conversation for what waits for one: one, whatever is written meanwhile. */
  #open(): Promise<void> {
    this.#opening ??= this.#sayFirsts().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #sayFirsts(): Promise<void> {
    try {
      const { login } = this.#options;
      const there = await this.#find();
      const subject = subjectOf(this.#firsts[0]?.text ?? '');
      const opened =
        there === undefined || there.state === 'closed'
          ? ((await login.call(
              'POST',
              '/conversations',
              subject === undefined ? {} : { subject },
              this.#keyAfter(there?.room),
            )) as Conversation)
          : there;
      await this.#enter(opened);
      const firsts = this.#firsts;
      this.#firsts = [];
      await Promise.all(firsts.map(({ text }) => this.#timeline?.say(text)));
    } catch (error) {
      this.#firsts = this.#firsts.map((line) => ({ ...line, state: 'failed', error: codeOf(error) }));
      this.#change();
    }
  }

  #keyAfter(after: string | undefined): string {
    if (this.#openingKey === undefined || this.#openingKey.after !== after) this.#openingKey = { after, key: this.#options.uuid() };
    return this.#openingKey.key;
  }

  #changedHands(changed: Conversation): void {
    if (changed.room === this.#view.conversation?.room) this.#change({ conversation: changed });
  }

  #over(room: string): void {
    const { conversation } = this.#view;
    if (conversation?.room !== room) return;
    this.#typists.clear();
    this.#change({ conversation: { ...conversation, state: 'closed' } });
  }

  #remember(room: string): void {
    const { memory } = this.#options;
    const kept = memory.value ?? { id: this.#me.id };
    if (kept.room !== room) memory.value = { id: kept.id, room, read: 0 };
  }

  #change(changes: Partial<ChatView> = {}): void {
    const timeline = this.#timeline;
    const lines = this.#firsts.length === 0 ? (timeline?.lines ?? []) : this.#firsts;
    const next = { ...this.#view, ...changes };
    this.#view = {
      ...next,
      lines,
      more: timeline?.more ?? false,
      gap: timeline?.gap ?? false,
      typing: this.#typists.person,
      unread: this.#read(timeline),
    };
    for (const listener of this.#listeners) listener();
    this.#options.told(this.#view);
  }

  /** What is unread; nothing while it is seen. */
  #read(timeline: Timeline | undefined): number {
    const { memory } = this.#options;
    const kept = memory.value;
    if (timeline === undefined || kept?.room !== timeline.room) return 0;
    const { top } = timeline;
    if (!this.#shown || top <= (kept.read ?? 0)) return timeline.unread(kept.read ?? 0);
    memory.value = { ...kept, read: top };
    this.#client?.delivered(timeline.room, top);
    return 0;
  }
}
