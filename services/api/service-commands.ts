/** The commands of services (A11). A route and a command of a batch run the same code. */
import { type Static, type TProperties, Type } from '@sinclair/typebox';
import { payloadOf } from '#libs/auth/compact-jws.ts';
import { TOKEN_NAME_MAX } from '#libs/auth/credentials.ts';
import { tokenHash } from '#libs/auth/revocations.ts';
import type { Broker } from '#libs/broker/broker.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { FRAME_ID_MAX, TOKEN_MAX_BYTES } from '#libs/protocol/limits.ts';
import { cleanName } from '#libs/protocol/name-text.ts';
import { isManagedRoom, isPrivateRoom } from '#libs/protocol/room-kinds.ts';
import { buildFrame } from '#libs/protocol/server-frame.ts';
import { EVERY_NODE, encode } from '#libs/protocol/signals.ts';
import type { ServicePublisher } from '#libs/rooms/service-publisher.ts';
import type { RoomStore } from '#libs/store/room-store.ts';
import type { Store } from '#libs/store/store.ts';
import type { GuestAddresses } from './guest-addresses.ts';
import { FOREIGN_TOKEN_MS } from './login.ts';
import { RoomName, UserId } from './room-schemas.ts';

/** The receivers of a push. */
export type PushTarget = { readonly all: true } | { readonly room: string } | { readonly user: string } | { readonly session: string };

/** The parts of a `Pusher`. */
export interface PusherOptions {
  readonly broker: Pick<Broker, 'emit'>;
  readonly rooms: Pick<RoomStore, 'standing'>;
}

/**
 * Sends frames of services to connected users. Delivers each frame at most once, and stores none
 * for users who are offline.
 */
export class Pusher {
  readonly #options: PusherOptions;

  constructor(options: PusherOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the backend has accepted the frame.
   *
   * @throws HubError `ROOM_NOT_FOUND`, `ROOM_CLOSED` (managed rooms), `UNAVAILABLE`.
   */
  async push(to: PushTarget, type: 'inform' | 'command', code: string | undefined, body: unknown): Promise<void> {
    const { broker } = this.#options;
    const frame = buildFrame(type, { code, body });
    const toUser = (user: string): Promise<void> => broker.emit(`u:${user}`, encode({ kind: 'frame', frame }));
    if ('all' in to) return toUser(EVERY_NODE);
    if ('user' in to) return toUser(to.user);
    if ('session' in to) return broker.emit(`u:${EVERY_NODE}`, encode({ kind: 'session', session: to.session, frame }));
    const members = await this.#privateMembers(to.room);
    if (members === undefined) return broker.emit(`r:${to.room}`, encode({ kind: 'pushed', frame }));
    await Promise.all(members.map(toUser));
  }

  /**
   * Returns the members of a private room: a push reaches them over their own channels (R5).
   * Undefined if users join the room.
   */
  async #privateMembers(room: string): Promise<readonly string[] | undefined> {
    if (!isManagedRoom(room)) return undefined;
    const found = await this.#options.rooms.standing(room);
    if (found === undefined) throw new HubError('ROOM_NOT_FOUND');
    if (found.room.closedAt !== undefined) throw new HubError('ROOM_CLOSED');
    return isPrivateRoom(room) ? found.privateMembers : undefined;
  }
}

const SECOND_MS = 1000;
/**
 * Milliseconds for which nodes that start read a disconnect. Nodes that run read it however late,
 * and close the connections that were open at its time.
 */
const DISCONNECT_MS = 60_000;
/** Longest ban, seconds: ten years. */
const BAN_MAX_SECONDS = 315_360_000;
/** Milliseconds that a revocation outlasts its token: clocks differ by a minute at most. */
const SKEW_MS = 60_000;
/**
 * Bytes of JSON in the `body` of a push or the `data` of a message. The default limit of a client's
 * frame is the same.
 */
const JSON_MAX_BYTES = 16 * 1024;

const only = { additionalProperties: false };
const strict = <P extends TProperties>(members: P, description?: string) =>
  Type.Object(members, { ...only, ...(description === undefined ? {} : { description }) });

const Everybody = strict({ all: Type.Literal(true) }, 'All connected users.');
const InRoom = strict({ room: RoomName }, 'All users in the room; in a private room, its members.');
const OfUser = Type.Object({ user: UserId }, { ...only, title: 'OfUser', description: 'All sessions of the user.' });
const OfSession = strict({ session: Type.String({ format: 'uuid' }) }, 'All connections with this label (H1).');

/** The schema of a push. */
export const Push = strict({
  to: Type.Union([Everybody, InRoom, OfUser, OfSession]),
  type: Type.Union([Type.Literal('inform'), Type.Literal('command')], { description: '`inform` is for people, `command` for the client.' }),
  code: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'For programs.' })),
  body: Type.Unknown({ description: `Anything in JSON, at most ${JSON_MAX_BYTES} bytes.` }),
});

/** The schema of a name as in a token (H3). */
const PersonName = Type.String({ maxLength: 128, pattern: '^[^\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}]{1,64}$' });

/** The schema of a message that a service publishes. */
export const Publish = strict({
  room: RoomName,
  text: Type.String({
    description: 'At most MESSAGE_MAX_CHARS characters, in conversations 2,000 if that is more (F2); may be empty only beside `data`.',
  }),
  data: Type.Optional(Type.Unknown({ description: `Anything in JSON, at most ${JSON_MAX_BYTES} bytes.` })),
  as: Type.Optional(
    strict(
      { id: UserId, name: PersonName },
      'The sender. `from.kind` is that of the user with this id, or `service` if there is none. Default: the service.',
    ),
  ),
  id: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: FRAME_ID_MAX,
      description: 'If the same id is published again within 5 minutes, it is one message (M2).',
    }),
  ),
});

/**
 * The schema of a reason that a person reads: one line, without controls that would hide or reorder
 * other text.
 */
const Reason = (description: string) =>
  Type.Optional(Type.String({ maxLength: 100, pattern: '^[^\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Bidi_Control}]*$', description }));

/** The schema of a disconnect. */
export const Disconnect = strict({
  user: UserId,
  reason: Reason('Sent in `kicked`, and in the close reason, which is cut to 110 bytes of UTF-8.'),
});

/** The schema of a revocation. */
export const Revoke = Type.Union([
  { ...OfUser, description: 'All tokens of the user issued until now, and all logins.' },
  strict({ token: Type.String({ minLength: 1, maxLength: TOKEN_MAX_BYTES }) }, 'This token.'),
]);

/** The schema of a ban. */
export const Ban = strict({
  user: UserId,
  seconds: Type.Integer({ minimum: 1, maximum: BAN_MAX_SECONDS }),
  reason: Reason('The banned person reads it, with the end of the ban.'),
});

/** The schema of the end of a ban. */
export const Unban = strict({ user: UserId });

/** The schema of a published message. */
export const Published = Type.Object(
  {
    id: Type.String({ description: "The message's own id (M2)." }),
    offset: Type.Optional(Type.Integer({ description: 'Absent in rooms without history.' })),
    at: Type.Integer({ description: 'Unix milliseconds.' }),
  },
  { description: 'The accepted message. In a room with history it is stored (M1).' },
);

/** Returns the message with this id if it has none of its own (M2). */
export function withId(words: Static<typeof Publish>, id: string | undefined): Static<typeof Publish> {
  return id === undefined || words.id !== undefined ? words : { ...words, id };
}

/** The parts of `ServiceCommands`. */
export interface ServiceCommandsOptions {
  readonly store: Pick<Store, 'revocations' | 'logins'>;
  readonly pusher: Pick<Pusher, 'push'>;
  readonly publisher: Pick<ServicePublisher, 'publish'>;
  readonly addresses: Pick<GuestAddresses, 'ban'>;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/**
 * Runs the commands of services. Every method resolves when the backends have stored or accepted
 * the command, and rejects with `HubError` `UNAVAILABLE` if they are away. Every node applies a
 * revocation within 2 s.
 */
export class ServiceCommands {
  readonly #options: ServiceCommandsOptions;

  constructor(options: ServiceCommandsOptions) {
    this.#options = options;
  }

  /**
   * Sends a frame to connected users.
   *
   * @throws HubError `TOO_LARGE`, `ROOM_NOT_FOUND`, `ROOM_CLOSED`, `INVALID_REQUEST` (JSON that is
   * nested too deeply).
   */
  async push({ to, type, code, body }: Static<typeof Push>): Promise<void> {
    requireSize('body', body);
    await this.#options.pusher.push(to, type, code, body);
  }

  /**
   * Publishes a message. `service` is the name of the key: the sender if the message has no `as`.
   *
   * @throws HubError with the codes that answer a `message` frame.
   */
  async publish(service: string, { room, text, data, as, id }: Static<typeof Publish>): Promise<Static<typeof Published>> {
    if (text === '' && data === undefined) throw new HubError('INVALID_REQUEST', '`text` may be empty only beside `data`');
    requireSize('data', data);
    if (id !== undefined && !id.isWellFormed()) throw new HubError('INVALID_REQUEST', '`id` must be well-formed Unicode');
    const sender = as
      ? { id: as.id, name: cleanName(as.name, TOKEN_NAME_MAX, as.id) }
      : { id: `service:${service}`, name: service, kind: 'service' };
    const said = await this.#options.publisher.publish({ room, sender, clientId: id, text, data });
    return { id: said.id, ...(said.offset === undefined ? {} : { offset: said.offset }), at: said.at };
  }

  /** Closes the connections of a user (4510). Tokens stay valid. */
  async disconnect({ user, reason }: Static<typeof Disconnect>): Promise<void> {
    const at = this.#options.now();
    await this.#options.store.revocations.add({
      kind: 'disconnect',
      subject: user,
      reason: reason?.trim() ?? '',
      at,
      until: at + DISCONNECT_MS,
    });
  }

  /**
   * Revokes one token, or all tokens and logins that a user has at this moment.
   *
   * @throws HubError `INVALID_REQUEST` if the text is not a token.
   */
  async revoke(what: Static<typeof Revoke>): Promise<void> {
    const { store, now } = this.#options;
    const at = now();
    if ('token' in what) {
      const until = endOf(what.token) + SKEW_MS;
      await store.revocations.add({ kind: 'token', subject: tokenHash(what.token), reason: '', at, until });
      return;
    }
    // The logins end first: a token issued by one of them in between is older than the revocation.
    await store.logins.revokeFamiliesOf(what.user);
    const since = now();
    await store.revocations.add({ kind: 'user', subject: what.user, reason: '', at: since, until: since + FOREIGN_TOKEN_MS });
  }

  /**
   * Bans a user for a time: closes the connections and rejects all tokens. Of a guest or customer
   * also their browsers, and for an hour their addresses (A17).
   */
  async ban({ user, seconds, reason = '' }: Static<typeof Ban>): Promise<void> {
    const { store, addresses, now } = this.#options;
    const at = now();
    const until = at + seconds * SECOND_MS;
    await store.revocations.add({ kind: 'ban', subject: user, reason: reason.trim(), at, until });
    await addresses.ban(user, until);
  }

  /** Lifts a ban, with all that it covers. Does nothing if there is none. */
  async unban({ user }: Static<typeof Unban>): Promise<void> {
    const at = this.#options.now();
    // The entry must outlast every ban that it lifts.
    await this.#options.store.revocations.add({ kind: 'unban', subject: user, reason: '', at, until: at + BAN_MAX_SECONDS * SECOND_MS });
  }
}

function requireSize(member: string, value: unknown): void {
  if (value === undefined) return;
  let text: string;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new HubError('INVALID_REQUEST', `\`${member}\` is nested too deeply`, { cause });
  }
  if (Buffer.byteLength(text) > JSON_MAX_BYTES) throw new HubError('TOO_LARGE', `\`${member}\` has at most ${JSON_MAX_BYTES} bytes`);
}

/**
 * Returns the expiry of a token, Unix milliseconds. The token is not verified: revoking a forged
 * one has no effect.
 */
function endOf(token: string): number {
  let expiry: unknown;
  try {
    expiry = payloadOf(token)['exp'];
  } catch (cause) {
    throw new HubError('INVALID_REQUEST', '`token` is not a token', { cause });
  }
  if (typeof expiry !== 'number' || !Number.isFinite(expiry)) throw new HubError('INVALID_REQUEST', '`token` is not a token');
  return Math.min(Math.ceil(expiry), LATEST_EXPIRY) * SECOND_MS;
}

/** The end of the year 9999, Unix seconds. */
const LATEST_EXPIRY = 253_402_300_799;
