/**
 * Makes the parts of a hub beside broker and presence: tokens, origins, rules of rooms, the writer.
 */
import type { Bearer, Credentials } from '#libs/auth/credentials.ts';
import { OriginPolicy } from '#libs/auth/origin-policy.ts';
import { type Revocation, RevocationFeed, Revocations, TokenGate, tokenHash } from '#libs/auth/revocations.ts';
import type { TokenVerifier } from '#libs/auth/token-verifier.ts';
import type { Config } from '#libs/config/config.ts';
import { EventFeed, type EventListener } from '#libs/events/event-feed.ts';
import { ACCESS_EVENTS, type AccessEvent } from '#libs/events/events.ts';
import { MessageWriter } from '#libs/messages/message-writer.ts';
import type { RoomAccess } from '#libs/messages/room-access.ts';
import { People } from '#libs/rooms/people.ts';
import { RoomEntry, RoomRules } from '#libs/rooms/room-entry.ts';
import type { Background } from '#libs/telemetry/background.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import type { Backend } from './backend.ts';

/** The parts of a hub beside broker and presence. */
export interface HubParts {
  readonly origins: OriginPolicy;
  readonly rules: RoomRules;
  readonly access: RoomAccess;
  readonly writer: MessageWriter;
  /**
   * Resolves to the bearer of a token. Rejects with `HubError` `TOKEN_EXPIRED`, `BANNED` or
   * `UNAVAILABLE`.
   */
  verify(token: string): Promise<Bearer>;
  /**
   * Returns the bearer of a token that a key of this hub signed; undefined if a key set decides.
   * @throws HubError `TOKEN_EXPIRED`, `BANNED` or `UNAVAILABLE`.
   */
  verifyLocal(token: string): Bearer | undefined;
  /**
   * Checks that no ban holds for these users or browsers (`TokenGate.assertNotBanned`).
   * @throws HubError `BANNED` or `UNAVAILABLE`.
   */
  assertNotBanned(...subjects: readonly string[]): void;
  /** Follows revocations from now on. Each is reported once. */
  follow(onRevocation: (revocation: Revocation) => void): Promise<RevocationFeed>;
  /**
   * Follows events of rooms from now on.
   *
   * @param listener Returns the listener; undefined as long as nobody can be in a room.
   */
  followRooms(listener: () => EventListener<AccessEvent['kind']> | undefined): Promise<EventFeed<AccessEvent['kind']>>;
}

/** Makes the parts. Nothing runs before `follow` and `followRooms`. */
export function hubParts(config: Config, verifier: TokenVerifier, backend: Backend, log: Logger, background: Background): HubParts {
  const { store, broker } = backend;
  const rules = new RoomRules({ openRooms: config.openRooms });
  const revocations = new Revocations();
  let feed: RevocationFeed | undefined;
  const gate = new TokenGate({
    verifier,
    revocations,
    feed: {
      get ready() {
        return feed?.ready ?? false;
      },
    },
    now: Date.now,
  });
  return {
    origins: new OriginPolicy({ ...config, log, steady: () => performance.now() }),
    rules,
    access: new RoomEntry({ ...store, rules, people: new People(store), now: Date.now }),
    writer: new MessageWriter({
      broker,
      messages: store.messages,
      messageMaxChars: config.messageMaxChars,
      conversationMaxChars: config.conversationMaxChars,
      dataMaxBytes: config.dataMaxBytes,
      now: Date.now,
      background,
    }),
    async verify(token) {
      return bearer(await gate.verify(token), token);
    },
    verifyLocal(token) {
      const credentials = gate.verifyLocal(token);
      return credentials === undefined ? undefined : bearer(credentials, token);
    },
    assertNotBanned: (...subjects) => gate.assertNotBanned(...subjects),
    async follow(onRevocation) {
      feed = new RevocationFeed({ source: store.revocations, revocations, onRevocation, now: Date.now, log });
      await feed.start();
      return feed;
    },
    async followRooms(listener) {
      const rooms = new EventFeed({ source: store.events, kinds: ACCESS_EVENTS, listener, steady: () => performance.now(), log });
      await rooms.start();
      return rooms;
    },
  };
}

function bearer(credentials: Credentials, token: string): Bearer {
  return { ...credentials, tokenHash: tokenHash(token) };
}
