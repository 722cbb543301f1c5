/** Conversations of customers (A10), and the agents who answer them. */

import type { Presence } from '#libs/presence/presence.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { Person } from '#libs/protocol/frame-types.ts';
import { ROOM_KINDS } from '#libs/protocol/room-kinds.ts';
import { may } from '#libs/protocol/user-kinds.ts';
import type { AgentStore } from '#libs/store/account-store.ts';
import type { ConversationRecord, ConversationStore } from '#libs/store/conversation-store.ts';
import type { Notifier } from './notices.ts';
import { type Absences, whoIsOnline } from './people.ts';
import type { RoomLifecycle } from './room-lifecycle.ts';

/** Dependencies of `Assignment`. */
export interface AssignmentOptions {
  readonly conversations: Omit<ConversationStore, 'silent' | 'hasCustomerOf' | 'counts'>;
  readonly agents: Pick<AgentStore, 'all'>;
  readonly presence: Pick<Presence, 'sessions'>;
  readonly absences: Pick<Absences, 'look'>;
  readonly notifier: Pick<Notifier, 'membership'>;
  /** Sends people the notices of committed changes (`Notices`). Never rejects. */
  readonly sendNotices: () => Promise<void>;
  readonly lifecycle: Pick<RoomLifecycle, 'close'>;
  /** A fresh `conv:` name at each call. */
  readonly roomName: () => string;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/**
 * Most queued conversations that one sweep assigns, the oldest first. Also the most that it takes
 * from one agent who has left.
 */
const SWEEP_MAX = 200;

/** Most open conversations of a customer. */
const OPEN_MAX = ROOM_KINDS.conv.limits.openRooms;

/** A conversation that `Assignment.open` returns. */
export interface OpenedConversation {
  readonly record: ConversationRecord;
  /** Whether this call made it. */
  readonly made: boolean;
}

/** Assigns conversations to agents, on request and by a sweep. */
export class Assignment {
  readonly #options: AssignmentOptions;
  #sweeping = false;

  constructor(options: AssignmentOptions) {
    this.#options = options;
  }

  /**
   * Opens a conversation for a customer. When this resolves it is stored, and an agent has it if
   * one is online. If the customer has an open conversation, that one is returned, unless they ask
   * for a `further` one. `name`: a room name that nobody else can choose; if that room exists, an
   * earlier try of the same request made it. Default: a fresh name.
   * @throws HubError `ROOM_LIMIT` (too many open conversations).
   */
  async open(customer: Person, subject: string, further: boolean, name?: string): Promise<OpenedConversation> {
    const { conversations, roomName, now } = this.#options;
    const room = name ?? roomName();
    const at = now();
    const opened = await conversations.open({ room, subject, customer, now: at, further, openMax: OPEN_MAX });
    if (opened === 'too-many') throw new HubError('ROOM_LIMIT', `You have ${OPEN_MAX} open conversations: close one first.`);
    if (opened !== 'made' && (opened.room !== room || opened.state !== 'queued')) return { record: opened, made: opened.room === room };
    const queued: ConversationRecord = { room, subject, state: 'queued', customer, agent: undefined, createdAt: at };
    // It is in the queue: if anything fails from here on, the sweep assigns it.
    try {
      return { record: (await this.#assignTo(queued, await this.agentsOnline())) ?? queued, made: true };
    } catch (error) {
      if (error instanceof HubError) return { record: queued, made: true };
      throw error;
    }
  }

  /**
   * An agent takes a conversation, or gives it to another agent who is online.
   * @throws HubError `ROOM_NOT_FOUND`; `ROOM_CLOSED`; `USER_NOT_FOUND` (no agent of this id is
   * online).
   */
  async assign(room: string, by: Person, to: string | undefined): Promise<ConversationRecord> {
    const { conversations } = this.#options;
    const before = await this.#known(room);
    const agent = to === undefined || to === by.id ? by : (await this.agentsOnline()).find(({ id }) => id === to);
    if (agent === undefined) throw new HubError('USER_NOT_FOUND', 'No agent with this id is online.');
    const record = before.state === 'closed' ? undefined : await conversations.assign(room, [agent]);
    if (record === undefined) throw new HubError('ROOM_CLOSED', 'The conversation is closed.');
    await this.#notify(record, before.agent);
    return record;
  }

  /**
   * Closes a conversation. Its customer and its agent may do so; while it has no agent, any agent.
   * @throws HubError `FORBIDDEN` (also if there is none), `ROOM_CLOSED`.
   */
  async close(room: string, by: { readonly id: string; readonly kind: string }): Promise<void> {
    const record = await this.#options.conversations.get(room);
    if (record === undefined || !mayClose(record, by)) throw new HubError('FORBIDDEN');
    if (record.state === 'closed' || !(await this.#options.lifecycle.close(room))) {
      throw new HubError('ROOM_CLOSED', 'The conversation is closed.');
    }
  }

  /** The agents who are online. Rejects with `HubError` `UNAVAILABLE`. */
  async agentsOnline(): Promise<Person[]> {
    const { agents, presence } = this.#options;
    return whoIsOnline(presence, await agents.all());
  }

  /** Which of these people are online, by id. Rejects with `HubError` `UNAVAILABLE`. */
  async online(people: readonly Person[]): Promise<ReadonlySet<string>> {
    return new Set((await whoIsOnline(this.#options.presence, people)).map(({ id }) => id));
  }

  /**
   * Takes conversations from agents who have left, then assigns queued ones to the agents online.
   * The clean-up job calls it every second. Several processes may do so at once.
   */
  async sweep(): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    try {
      await this.#reassign();
      const queued = await this.#options.conversations.queued(SWEEP_MAX);
      const agents = queued.length === 0 ? [] : await this.agentsOnline();
      if (agents.length === 0) return;
      for (const record of queued) await this.#assignTo(record, agents);
    } finally {
      this.#sweeping = false;
    }
  }

  /**
   * An agent who was away for over a minute loses their conversations, to an agent online or to the
   * queue. An agent who only reconnects keeps them.
   */
  async #reassign(): Promise<void> {
    const { conversations, absences } = this.#options;
    const { gone } = await absences.look(await conversations.agentsAtWork());
    if (gone.length === 0) return;
    const agents = await this.agentsOnline();
    for (const agent of gone) {
      for (const { room } of (await conversations.list({ state: 'assigned', agent: agent.id, limit: SWEEP_MAX })).items) {
        const record = await conversations.reassign(room, agent.id, agents);
        if (record !== undefined) await this.#notify(record, agent);
      }
    }
  }

  async #assignTo(queued: ConversationRecord, agents: readonly Person[]): Promise<ConversationRecord | undefined> {
    if (agents.length === 0) return undefined;
    const record = await this.#options.conversations.assign(queued.room, agents, 'queued');
    if (record !== undefined) await this.#notify(record);
    return record;
  }

  /** Notifies the customer, the agent and the agent before. */
  async #notify({ room, customer, agent }: ConversationRecord, before?: Person): Promise<void> {
    const { notifier, sendNotices } = this.#options;
    const users = new Set([customer, agent, before].filter((one) => one !== undefined).map(({ id }) => id));
    await notifier.membership(room, [...users]);
    await sendNotices();
  }

  async #known(room: string): Promise<ConversationRecord> {
    const record = await this.#options.conversations.get(room);
    if (record === undefined) throw new HubError('ROOM_NOT_FOUND');
    return record;
  }
}

function mayClose(record: ConversationRecord, by: { readonly id: string; readonly kind: string }): boolean {
  if (record.customer.id === by.id || record.agent?.id === by.id) return true;
  return may(by.kind, 'answer') && record.agent === undefined;
}
