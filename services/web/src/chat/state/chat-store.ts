/** Everything the chat's screens show, kept up to date by the client and the HTTP API. */
import type { Person } from '#libs/client/index.ts';
import { isManagedRoom } from '#libs/protocol/room-kinds.ts';
import type { ChatAccount, ChatClient, ChatEvents } from './chat-client.ts';
import { ConnectionState } from './connection-state.ts';
import { EnteredRooms } from './entered-rooms.ts';
import { Groups } from './groups.ts';
import type { Message, PlacedMessage } from './message.ts';
import { Notices } from './notices.ts';
import { Observable } from './observable.ts';
import { PairFinder } from './pair-finder.ts';
import { type Room, RoomList } from './room-list.ts';
import { Talk } from './talk.ts';
import type { Timers } from './timers.ts';

/** Rooms entered at once: those with the newest activity. */
const ENTERED_AT_ONCE = 50;
/** Who of the others is online is asked this often while the page is seen, milliseconds. */
const REFRESH_MS = 20_000;

export interface ChatStoreOptions {
  readonly client: ChatClient;
  readonly account: ChatAccount;
  readonly timers: Timers;
  /** A message for me came while nobody looked at the page. */
  readonly onUnseen?: (room: Room, message: Message) => void;
}

export class ChatStore extends Observable {
  readonly me: Person & { readonly kind: string };
  readonly rooms: RoomList;
  readonly pair: PairFinder;
  readonly groups: Groups;
  readonly connection = new ConnectionState();
  readonly notices = new Notices();
  readonly #options: ChatStoreOptions;
  readonly #talks = new Map<string, Talk>();
  /** Conversations without a room yet, by user. */
  readonly #begun = new Map<string, Talk>();
  readonly #entered = new EnteredRooms((room) => this.#talks.get(room)?.close());
  #looking: string | undefined;
  #visible = true;
  #online: number | undefined;

  constructor(options: ChatStoreOptions) {
    super();
    const { account } = options;
    this.#options = options;
    this.me = account.user;
    this.rooms = new RoomList(account);
    this.groups = new Groups(account);
    this.pair = new PairFinder(account, () => void this.refresh());
  }

  /** Distinct users online at the hub; undefined until it is told. */
  get online(): number | undefined {
    return this.#online;
  }

  /** Listens and reads the list of rooms, until the returned function is called. */
  start(): () => void {
    const { client } = this.#options;
    const offs = [
      client.on('status', ({ state }) => this.connection.stands(state)),
      client.on('welcome', (welcome) => this.#welcome(welcome)),
      client.on('frame', (frame) => {
        if (frame.type === 'error' && frame.id !== undefined) for (const talk of this.#allTalks) talk.refused(frame.id, frame.code);
      }),
      client.on('online', ({ count }) => this.#counted(count)),
      client.on('message', (event) => this.#arrived(event)),
      client.on('resync', ({ room, offset, messages }) => {
        if (offset !== undefined) this.rooms.restarted(room, offset);
        this.#talks.get(room)?.resync(messages);
      }),
      client.on('joined', ({ room, count }) => {
        this.rooms.counted(room, count);
        this.#talks.get(room)?.rejoined(count);
      }),
      client.on('room_online', ({ room, count }) => {
        this.rooms.counted(room, count);
        this.#talks.get(room)?.audience.counted(count);
      }),
      client.on('member', ({ room, action, user }) => this.#talks.get(room)?.member(action, user)),
      client.on('typing', ({ room, user }) => this.#talks.get(room)?.typists.started(user)),
      client.on('room_lost', ({ room, code }) => this.#talks.get(room)?.end(code === 'ROOM_CLOSED' ? 'over' : 'refused', code)),
      client.on('room_closed', ({ room, reason }) => this.#closed(room, reason)),
      client.on('matched', ({ room, with: other }) => {
        const waited = this.pair.state.is === 'asking' || this.pair.state.is === 'waiting';
        if (this.pair.matched(room, other) && !waited) this.notices.tell({ kind: 'paired', with: other });
      }),
      client.on('inform', ({ body }) => this.notices.tell({ kind: 'inform', text: wordsOf(body) })),
      client.on('command', (event) => this.#command(event)),
    ];
    this.connection.stands(client.status.state);
    if (client.welcome !== undefined) this.#welcome(client.welcome);
    else void this.refresh();
    this.#keepFresh(offs);
    return () => {
      for (const off of offs) off();
    };
  }

  /** Reads the list of rooms again and enters what is new in it. */
  refresh(): Promise<void> {
    return this.#listAfter(this.rooms.load());
  }

  /** Shows one page more of the list of rooms. */
  moreRooms(): Promise<void> {
    return this.#listAfter(this.rooms.extend());
  }

  async #listAfter(read: Promise<void>): Promise<void> {
    await read;
    if (!this.rooms.loaded || this.rooms.problem !== undefined) return;
    this.pair.listed(this.rooms.rooms);
    const { state } = this.pair;
    // It may have ended while one was away: nobody tells that.
    if (state.is === 'over') this.#talks.get(state.pair.room)?.end('over', state.reason);
    for (const room of this.rooms.rooms) this.#listed(room);
    const lively = this.rooms.rooms.filter(({ kind }) => kind !== 'dm' && kind !== 'conv').slice(0, ENTERED_AT_ONCE);
    for (const { room } of lively) {
      if (this.#entered.greet(room)) this.#enter(room);
    }
    this.#markRead();
  }

  /** The conversation of a room; made when it is first asked for, and entered when it is looked at. */
  talk(room: string): Talk {
    const known = this.#talks.get(room);
    if (known !== undefined) return known;
    const keepsHistory = this.rooms.get(room)?.keepHistory ?? room === 'park';
    const talk = new Talk({ ...this.#parts, target: { room }, keepsHistory });
    this.#talks.set(room, talk);
    return talk;
  }

  /** The conversation with somebody, also before anything was said. */
  direct(user: string): Talk {
    const room = this.rooms.directWith(user)?.room;
    if (room !== undefined) return this.talk(room);
    const known = this.#begun.get(user);
    if (known !== undefined) return known;
    const talk = new Talk({ ...this.#parts, target: { user }, keepsHistory: true, onRoom: (made) => this.#begunIn(user, made) });
    this.#begun.set(user, talk);
    return talk;
  }

  /** This room is in view now, or none is. */
  look(room: string | undefined): void {
    if (room === this.#looking) return;
    this.#looking = room;
    if (room === undefined) return;
    const talk = this.talk(room);
    talk.beginReading(this.rooms.get(room)?.unread ?? 0);
    this.#enter(room);
    this.#markRead();
  }

  /** Whether anybody can see the page. */
  set visible(visible: boolean) {
    this.#visible = visible;
    if (!visible) return;
    void this.refresh();
    this.#markRead();
  }

  /** People whom I can write to or take into a group: everybody whose name came by. */
  get acquaintances(): Person[] {
    const met = [
      ...this.rooms.rooms.flatMap(({ with: other }) => (other === undefined ? [] : [other])),
      ...this.#allTalks.flatMap((talk) => talk.audience.people),
    ];
    const others = new Map(met.filter(({ id }) => id !== this.me.id).map((person) => [person.id, person]));
    return [...others.values()].sort((one, other) => one.name.localeCompare(other.name));
  }

  /** Who somebody is; undefined where they were never met. */
  person(user: string): Person | undefined {
    if (user === this.me.id) return this.me;
    return (
      this.acquaintances.find(({ id }) => id === user) ??
      this.#allTalks.map((talk) => talk.speaker(user)).find((person) => person !== undefined)
    );
  }

  get #allTalks(): Talk[] {
    return [...this.#talks.values(), ...this.#begun.values()];
  }

  get #parts() {
    const { client, timers } = this.#options;
    return { client, timers, me: this.me };
  }

  #welcome({ online, limits }: Pick<ChatEvents['welcome'], 'online' | 'limits'>): void {
    this.#counted(online);
    this.connection.limited(limits.messageChars);
    void this.refresh();
    this.pair.welcome();
  }

  #counted(online: number): void {
    // A count may be from before this connection was counted: whoever is told one is there.
    this.#online = Math.max(1, online);
    this.changed();
  }

  #arrived({ room, offset, message }: ChatEvents['message']): void {
    const placed = { ...(offset !== undefined && { offset }), message };
    const mine = message.from.id === this.me.id;
    const seen = this.#visible && this.#looking === room;
    if (this.rooms.arrived(room, offset, { mine, seen })) this.talk(room).arrived(placed);
    else if (!isManagedRoom(room)) this.#talks.get(room)?.arrived(placed);
    else void this.refresh().then(() => this.#arrivedInNewRoom(room, placed));
    if (seen) this.#markRead();
    this.#notify(room, message);
  }

  /** The list of rooms was read because of this message: it may have the room now. */
  #arrivedInNewRoom(room: string, placed: PlacedMessage): void {
    this.talk(room).arrived(placed);
    this.#notify(room, placed.message);
  }

  /** Reports a message of somebody else in a listed room while the page is hidden. */
  #notify(room: string, message: Message): void {
    const known = this.rooms.get(room);
    if (message.from.id !== this.me.id && !this.#visible && known !== undefined) this.#options.onUnseen?.(known, message);
  }

  #closed(room: string, reason: string): void {
    this.pair.closed(room, reason);
    this.#talks.get(room)?.end('over', reason);
    this.#entered.forget(room);
    this.rooms.remove(room);
    void this.refresh();
  }

  #command({ code, body }: ChatEvents['command']): void {
    if (code === 'pair') this.#pairCommand(body);
    if (code !== 'room' || typeof body !== 'object' || body === null) return;
    const { room, name, action } = body as { readonly room?: unknown; readonly name?: unknown; readonly action?: unknown };
    if (typeof room !== 'string' || typeof name !== 'string') return;
    if (action === 'removed') {
      if (this.rooms.get(room) !== undefined) this.notices.tell({ kind: 'removed', name });
      this.#talks.get(room)?.end('refused', 'FORBIDDEN');
      this.#entered.forget(room);
      this.rooms.remove(room);
    } else if (this.rooms.get(room) === undefined) {
      // Whoever was taken out may come back.
      this.#talks.delete(room);
      this.notices.tell({ kind: 'added', room, name });
    }
    void this.refresh();
  }

  #pairCommand(body: unknown): void {
    const { room, keepHistory } = (body ?? {}) as { readonly room?: unknown; readonly keepHistory?: unknown };
    if (typeof room === 'string' && (keepHistory === 'asked' || keepHistory === 'kept')) this.pair.history(room, keepHistory);
  }

  #listed({ room, kind, keepHistory, with: other }: Room): void {
    const talk = this.#talks.get(room);
    if (talk !== undefined) talk.keepsHistory = keepHistory;
    const begun = other === undefined ? undefined : this.#begun.get(other.id);
    if (begun !== undefined && kind === 'dm') this.#begunIn(other?.id ?? '', room);
  }

  /** What was begun with somebody has a room now. */
  #begunIn(user: string, room: string): void {
    const talk = this.#begun.get(user);
    if (talk === undefined) return;
    this.#begun.delete(user);
    this.#talks.set(room, talk);
    talk.settle(room);
    this.#entered.enter(room);
    void this.refresh();
    this.changed();
  }

  #enter(room: string): void {
    this.talk(room).open();
    this.#entered.enter(room);
  }

  /** What is in view and can be seen has been read: the hub is told, where it counts. */
  #markRead(): void {
    const room = this.#looking;
    if (room === undefined || !this.#visible) return;
    const known = this.rooms.get(room);
    this.rooms.read(room);
    if (known !== undefined && known.kind !== 'park') this.#options.client.delivered(room, known.offset);
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

function wordsOf(body: unknown): string {
  return typeof body === 'string' ? body : JSON.stringify(body ?? '');
}
