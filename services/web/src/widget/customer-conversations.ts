import type { Person } from '#libs/client/index.ts';
import type { EndedConversation } from '../conversation/earlier-conversations.ts';
import type { BrowserLogin } from '../login/browser-login.ts';
import { ApiError } from '../login/hub-api.ts';

/** A conversation as the API returns it. */
export interface CustomerConversation {
  readonly room: string;
  readonly state: 'queued' | 'assigned' | 'closed';
  readonly customer: Person;
  readonly agent?: Person;
  /** Unix milliseconds. */
  readonly createdAt?: number;
  /** Unix milliseconds. Absent while it is open. */
  readonly endedAt?: number;
}

/** Finds the conversation of a customer, and opens new ones, over the HTTP API. */
export class CustomerConversations {
  readonly #call: BrowserLogin['call'];
  readonly #uuid: () => string;
  /**
   * The `Idempotency-Key` of the next conversation. `after`: the conversation before it, if any.
   */
  #key: { readonly after: string | undefined; readonly value: string } | undefined;

  constructor(call: BrowserLogin['call'], uuid: () => string) {
    this.#call = call;
    this.#uuid = uuid;
  }

  /** Reads the conversation of a room. If the customer has no access to it, reads their latest one. */
  async find(room: string | undefined): Promise<CustomerConversation | undefined> {
    if (room !== undefined) {
      try {
        return await this.#read(room);
      } catch (error) {
        if (!(error instanceof ApiError) || (error.code !== 'FORBIDDEN' && error.code !== 'ROOM_NOT_FOUND')) throw error;
      }
    }
    const { rooms } = (await this.#call('GET', '/rooms')) as {
      readonly rooms: readonly { readonly room: string; readonly kind: string }[];
    };
    const mine = rooms.find(({ kind }) => kind === 'conv');
    return mine && this.#read(mine.room);
  }

  /** Opens a conversation for its first message. A repeated call after the same one opens no other. */
  async open(text: string, after: string | undefined): Promise<CustomerConversation> {
    const subject = subjectOf(text);
    const body = subject === undefined ? {} : { subject };
    return (await this.#call('POST', '/conversations', body, this.#keyAfter(after))) as CustomerConversation;
  }

  /**
   * The ended conversations of the customer that were opened before the one of this room, the newest
   * first. Without a room, all of them.
   */
  async ended(room: string | undefined): Promise<EndedConversation[]> {
    const [{ conversations }, present] = await Promise.all([
      this.#call('GET', '/conversations?state=closed') as Promise<{ readonly conversations: readonly CustomerConversation[] }>,
      room === undefined ? undefined : this.#read(room),
    ]);
    const before = present?.createdAt ?? Number.POSITIVE_INFINITY;
    return conversations.flatMap((one) => {
      const { createdAt = 0, endedAt = createdAt } = one;
      return one.room !== room && createdAt <= before ? [{ room: one.room, endedAt }] : [];
    });
  }

  async #read(room: string): Promise<CustomerConversation> {
    return (await this.#call('GET', `/conversations/${room}`)) as CustomerConversation;
  }

  #keyAfter(after: string | undefined): string {
    if (this.#key === undefined || this.#key.after !== after) this.#key = { after, value: this.#uuid() };
    return this.#key.value;
  }
}

/** Longest subject of the API, in code points. */
const SUBJECT_MAX = 60;

/**
 * The subject of a conversation: the beginning of its first message, in one line. Undefined if
 * nothing of it is visible.
 */
export function subjectOf(text: string): string | undefined {
  const line = text
    .normalize('NFC')
    .replaceAll(/[\p{C}\p{Z}]+/gu, ' ')
    .trim();
  const subject = [...line].slice(0, SUBJECT_MAX).join('').trim();
  return /[\p{L}\p{N}\p{P}\p{S}]/u.test(subject) ? subject : undefined;
}
