/** The state of the chat. The client and the HTTP API keep it up to date. Knows no React. */

import { createStore } from 'zustand/vanilla';
import type { Person } from '#libs/client/index.ts';
import { isManagedRoom } from '#libs/protocol/room-kinds.ts';
import type { Message, PlacedMessage } from '../../conversation/timeline.ts';
import type { Timers } from '../../conversation/timers.ts';
import type { UnsentTexts } from '../../conversation/unsent-texts.ts';
import type { View } from '../../state/view.ts';
import type { ChatAccount, ChatClient, ChatEvents } from './chat-client.ts';
import { Groups } from './groups.ts';
import { JoinedRooms } from './joined-rooms.ts';
import { Notices } from './notices.ts';
import { PairFinder } from './pair-finder.ts';
import { type Room, RoomList } from './room-list.ts';
import { RoomThread } from './room-thread.ts';
import { unsentPlace, userOfPlace } from './unsent-place.ts';

/** Code points of a message until `welcome` tells the limit. */
const DEFAULT_CHARS = 200;
/** The number of rooms that are joined at once: those with the newest activity. */
const ENTERED_AT_ONCE = 50;
/**
 * Milliseconds between two reads of the list of rooms while the page is visible. They tell who is
 * online.
 */
const REFRESH_MS = 20_000;

interface ChatStoreOptions {
  readonly client: ChatClient;
  readonly account: ChatAccount;
  readonly timers: Timers;
  /** Keeps what is not sent yet over a reload. */
  readonly unsent?: UnsentTexts;
  /** A message arrived while the page was hidden. */
  readonly onUnseen?: (room: Room, message: Message) => void;
  /** A message arrived in another room than the one in view, while the page was visible. */
  readonly onElsewhere?: (room: Room, message: Message) => void;
}

/** The state of the connection, and of the chat as a whole. */
interface ChatState {
  readonly connected: boolean;
  /** The connection is over for good: logged out, replaced or refused. Nothing can be sent. */
  readonly ended: boolean;
  /** Longest message, in code points. */
  readonly messageChars: number;
  /** Distinct users online at the hub. Undefined until the hub tells. */
  readonly online: number | undefined;
  /**
   * Counts the threads that got their room. It changes when `direct` and `person` may return
   * something else.
   */
  readonly begun: number;
}

/** The chat of one person: the stores of its parts, and the threads of its rooms. */
export class ChatStore {
  readonly me: Person & { readonly kind: string };
  readonly rooms: RoomList;
  readonly pair: PairFinder;
  readonly groups: Groups;
  readonly notices: Notices;
  readonly #options: ChatStoreOptions;
  readonly #threads = new Map<string, RoomThread>();
  /** Threads that have no room yet, by user. */
  readonly #begun = new Map<string, RoomThread>();
  readonly #joined = new JoinedRooms((room) => this.#threads.get(room)?.close());
  readonly #store = createStore<ChatState>(() => ({
    connected: false,
    ended: false,
    messageChars: DEFAULT_CHARS,
    online: undefined,
    begun: 0,
  }));
  readonly view: View<ChatState> = this.#store;
  #roomInView: string | undefined;
  #pairInView = false;
  /** The thread in view knows what is new. Before that, the list has to be read. */
  #isReading = false;
  #visible = true;

  constructor(options: ChatStoreOptions) {
    const { account } = options;
    this.#options = options;
    this.me = account.user;
    this.notices = new Notices(options.timers);
    this.rooms = new RoomList(account);
    this.groups = new Groups(account);
    this.pair = new PairFinder(account, options.timers, () => void this.refresh());
  }

  /** Listens to the client and reads the list of rooms. The returned function stops listening. */
  start(): () => void {
    const { client } = this.#options;
    const offs = [
      client.on('status', (status) => this.#connection(status)),
      client.on('welcome', (welcome) => this.#welcome(welcome)),
      client.on('frame', (frame) => {
        if (frame.type === 'error' && frame.id !== undefined) for (const thread of this.#allThreads) thread.refuse(frame.id, frame.code);
      }),
      client.on('online', ({ count }) => this.#counted(count)),
      client.on('message', (event) => this.#arrived(event)),
      client.on('resync', ({ room, offset, messages }) => {
        if (offset !== undefined) this.rooms.restarted(room, offset);
        this.#threads.get(room)?.resync(messages);
      }),
      client.on('joined', ({ room, count }) => {
        this.rooms.counted(room, count);
        this.#threads.get(room)?.rejoined(count);
      }),
      client.on('room_online', ({ room, count }) => {
        this.rooms.counted(room, count);
        this.#threads.get(room)?.audience.count(count);
      }),
      client.on('member', ({ room, action, user }) => this.#threads.get(room)?.member(action, user)),
      client.on('typing', ({ room, user }) => this.#threads.get(room)?.typing(user)),
      client.on('room_lost', ({ room, code }) => this.#lost(room, code)),
      client.on('room_closed', ({ room, reason }) => this.#closed(room, reason)),
      client.on('matched', ({ room, with: other }) => {
        if (this.pair.matched(room, other) && !this.#pairInView) this.notices.add({ kind: 'paired', with: other });
      }),
      client.on('inform', ({ body }) =>
        this.notices.add({ kind: 'inform', text: typeof body === 'string' ? body : JSON.stringify(body ?? '') }),
      ),
      client.on('command', (event) => this.#command(event)),
    ];
    this.#connection(client.status);
    if (client.welcome !== undefined) this.#welcome(client.welcome);
    else void this.refresh();
    this.#keepFresh(offs);
    this.#resume();
    return () => {
      for (const off of offs) off();
    };
  }

  /** Reads the list of rooms and joins the new ones. */
  refresh(): Promise<void> {
    return this.#listAfter(this.rooms.load());
  }

  /** Shows one more page of the list of rooms. */
  moreRooms(): Promise<void> {
    return this.#listAfter(this.rooms.extend());
  }

  async #listAfter(read: Promise<void>): Promise<void> {
    await read;
    const { loaded, problem } = this.rooms.view.getState();
    if (!loaded || problem !== undefined) return;
    this.pair.listed(this.rooms.rooms);
    const { state } = this.pair;
    // The pair may have ended while this page was away. No event reports that.
    if (state.is === 'over') this.#threads.get(state.pair.room)?.end('over', state.reason);
    for (const room of this.rooms.rooms) this.#listed(room);
    const lively = this.rooms.rooms
      .filter(({ kind, closedAt }) => kind !== 'dm' && kind !== 'conv' && closedAt === undefined)
      .slice(0, ENTERED_AT_ONCE);
    for (const { room } of lively) {
      if (this.#joined.joinOnce(room)) this.#join(room);
    }
    this.#beginReading();
    this.#markRead();
  }

  /** The thread of a room. The first call makes it; `setRoomInView` joins the room. */
  thread(room: string): RoomThread {
    const known = this.#threads.get(room);
    if (known !== undefined) return known;
    const { kind, with: other, keepHistory = room === 'park' } = this.rooms.get(room) ?? {};
    const place = unsentPlace(room, kind === 'dm' ? other : undefined);
    const thread = new RoomThread({ ...this.#parts, room, place, keepsHistory: keepHistory });
    this.#threads.set(room, thread);
    return thread;
  }

  /** The thread with a person, also before the first message. */
  direct(user: string): RoomThread {
    const room = this.rooms.directWith(user)?.room;
    if (room !== undefined) return this.thread(room);
    const begun = this.#begun.get(user);
    if (begun !== undefined) return begun;
    const { client } = this.#options;
    const thread = new RoomThread({
      ...this.#parts,
      place: unsentPlace('', { id: user }),
      keepsHistory: true,
      send: (made, id, text) => (made === undefined ? client.sendTo(user, text, { id }) : client.send(made, text, { id })),
      onRoom: (made) => this.#begunIn(user, made),
    });
    this.#begun.set(user, thread);
    return thread;
  }

  /** The room that is in view from now on. Undefined: none. */
  setRoomInView(room: string | undefined): void {
    if (room === this.#roomInView) return;
    this.#roomInView = room;
    this.#isReading = false;
    if (room === undefined) return;
    this.notices.closeRoom(room);
    this.#beginReading();
    this.#join(room);
    this.#markRead();
  }

  /** The view of the pair, or of the search for one, was opened or left. */
  setPairInView(inView: boolean): void {
    this.#pairInView = inView;
  }

  /** The page was shown or hidden. */
  setVisible(visible: boolean): void {
    this.#visible = visible;
    this.notices.setVisible(visible);
    if (!visible) return;
    void this.refresh();
    // Something came while nobody looked.
    if ((this.rooms.get(this.#roomInView ?? '')?.unread ?? 0) > 0) this.#isReading = false;
    this.#beginReading();
    this.#markRead();
  }

  /** People whom I can write to or add to a group: everybody that this page has seen. */
  get knownPeople(): Person[] {
    const met = [
      ...this.rooms.rooms.flatMap(({ with: other }) => (other === undefined ? [] : [other])),
      ...this.#allThreads.flatMap((thread) => thread.audience.view.getState().people),
    ];
    const others = new Map(met.filter(({ id }) => id !== this.me.id).map((person) => [person.id, person]));
    return [...others.values()].sort((one, other) => one.name.localeCompare(other.name));
  }

  /** A person by id. Undefined if this page has not seen them. */
  person(user: string): Person | undefined {
    if (user === this.me.id) return this.me;
    return (
      this.knownPeople.find(({ id }) => id === user) ??
      this.#allThreads.map((thread) => thread.author(user)).find((person) => person !== undefined)
    );
  }

  get #allThreads(): RoomThread[] {
    return [...this.#threads.values(), ...this.#begun.values()];
  }

  get #parts() {
    const { client, timers, unsent } = this.#options;
    return { client, timers, me: this.me, ...(unsent !== undefined && { unsent }) };
  }

  #welcome({ online, limits }: Pick<ChatEvents['welcome'], 'online' | 'limits'>): void {
    this.#counted(online);
    this.#store.setState({ messageChars: limits.messageChars });
    void this.refresh();
    this.pair.welcome();
  }

  #connection({ state }: ChatClient['status']): void {
    this.#store.setState({ connected: state === 'connected', ended: state === 'refused' || state === 'closed' });
  }

  #counted(online: number): void {
    // A count may be older than this connection. At least I am online.
    this.#store.setState({ online: Math.max(1, online) });
  }

  #arrived({ room, offset, message, origin }: ChatEvents['message']): void {
    const placed = { ...(offset !== undefined && { offset }), message };
    const mine = message.from.id === this.me.id;
    const seen = this.#visible && this.#roomInView === room;
    if (this.rooms.arrived(room, offset, { mine, seen })) this.thread(room).receive(placed);
    else if (!isManagedRoom(room)) this.#threads.get(room)?.receive(placed);
    else void this.refresh().then(() => this.#arrivedInNewRoom(room, placed, origin));
    if (seen) this.#markRead();
    this.#notify(room, message, origin);
  }

  /** A message of a room that was not in the list. Reading the list may have added it. */
  #arrivedInNewRoom(room: string, placed: PlacedMessage, origin: ChatEvents['message']['origin']): void {
    this.thread(room).receive(placed);
    this.#notify(room, placed.message, origin);
  }

  /** Reports a message of another person in a listed room that is not in view. */
  #notify(room: string, message: Message, origin: ChatEvents['message']['origin']): void {
    const known = this.rooms.get(room);
    if (message.from.id === this.me.id || known === undefined) return;
    if (!this.#visible) this.#options.onUnseen?.(known, message);
    // Messages that waited for this login are counted in the list.
    else if (room !== this.#roomInView && origin !== 'offline') this.#options.onElsewhere?.(known, message);
  }

  /** The room is not mine any more, or it is closed. A removed member of a group gets one notice. */
  #lost(room: string, code: string): void {
    const known = this.rooms.get(room);
    this.#threads.get(room)?.end(code === 'ROOM_CLOSED' ? 'over' : 'refused', code);
    if (code !== 'FORBIDDEN' || known?.kind !== 'group') return;
    this.notices.add({ kind: 'removed', name: known.name });
    this.#joined.forget(room);
    this.rooms.remove(room);
  }

  #closed(room: string, reason: string): void {
    this.pair.closed(room, reason);
    this.#threads.get(room)?.end('over', reason);
    this.#joined.forget(room);
    this.rooms.remove(room);
    void this.refresh();
  }

  #command({ code, body }: ChatEvents['command']): void {
    if (code === 'pair') this.#pairCommand(body);
    if (code !== 'room' || typeof body !== 'object' || body === null) return;
    const { room, name, action } = body as { readonly room?: unknown; readonly name?: unknown; readonly action?: unknown };
    if (typeof room !== 'string' || typeof name !== 'string') return;
    if (action === 'removed') this.#lost(room, 'FORBIDDEN');
    else if (this.rooms.get(room) === undefined) {
      // A person who was removed may be added again.
      this.#threads.delete(room);
      this.notices.add({ kind: 'added', room, name });
    }
    void this.refresh();
  }

  #pairCommand(body: unknown): void {
    const { room, keepHistory } = (body ?? {}) as { readonly room?: unknown; readonly keepHistory?: unknown };
    if (typeof room === 'string' && (keepHistory === 'asked' || keepHistory === 'kept')) this.pair.historyChanged(room, keepHistory);
  }

  #listed({ room, kind, keepHistory, closedAt, with: other }: Room): void {
    if (closedAt !== undefined && room === this.#roomInView) this.thread(room).readEnded();
    this.#threads.get(room)?.setKeepsHistory(keepHistory);
    const begun = other === undefined ? undefined : this.#begun.get(other.id);
    if (begun !== undefined && kind === 'dm') this.#begunIn(other?.id ?? '', room);
  }

  /** A thread with a person has a room now. */
  #begunIn(user: string, room: string): void {
    const thread = this.#begun.get(user);
    if (thread === undefined) return;
    this.#begun.delete(user);
    this.#threads.set(room, thread);
    thread.assignRoom(room);
    thread.open();
    this.#joined.add(room);
    void this.refresh();
    this.#store.setState(({ begun }) => ({ begun: begun + 1 }));
  }

  #join(room: string): void {
    if (this.rooms.get(room)?.closedAt !== undefined) this.thread(room).readEnded();
    else {
      this.thread(room).open();
      this.#joined.add(room);
    }
  }

  /** Tells the thread in view what is new in it, once the list has the room. */
  #beginReading(): void {
    const room = this.#roomInView;
    const known = room === undefined ? undefined : this.rooms.get(room);
    if (room === undefined || known === undefined || this.#isReading) return;
    this.#isReading = true;
    this.thread(room).beginReading({ count: known.unread, above: this.rooms.readUpTo(room) });
  }

  /** Marks the room in view as read if the page is visible. Tells the hub if it has a cursor. */
  #markRead(): void {
    const room = this.#roomInView;
    if (room === undefined || !this.#visible) return;
    const known = this.rooms.get(room);
    this.rooms.read(room);
    if (known !== undefined && known.kind !== 'park') this.#options.client.delivered(room, known.offset);
  }

  /** Sends what a reload left unsent, in rooms that are not in view, too. */
  #resume(): void {
    for (const place of this.#options.unsent?.places ?? []) {
      const user = userOfPlace(place);
      if (user === undefined) this.#join(place);
      else this.direct(user).resume();
    }
  }

  #keepFresh(offs: (() => void)[]): void {
    const { timers } = this.#options;
    let stop = (): void => undefined;
    const later = (): void => {
      stop = timers.after(REFRESH_MS, () => {
        if (this.#visible) void this.refresh();
        later();
      });
    };
    later();
    offs.push(() => stop());
  }
}
