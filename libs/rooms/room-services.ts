import { randomUUID } from 'node:crypto';
import type { Broker } from '#libs/broker/broker.ts';
import { SharedFeed } from '#libs/events/shared-feed.ts';
import type { Presence } from '#libs/presence/presence.ts';
import type { Store } from '#libs/store/store.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import { Assignment } from './assignment.ts';
import { Groups } from './groups.ts';
import { Matchmaker, type Pairing } from './matchmaker.ts';
import { NOTICE_EVENTS, NOTICE_MAX_AGE_MS, type NoticeEvent, Notices, Notifier } from './notices.ts';
import { Absences, People, PersonKinds } from './people.ts';
import { freshRoomName, RoomLifecycle } from './room-lifecycle.ts';
import { RoomList } from './room-list.ts';

/** Dependencies of `roomServices`. */
export interface RoomServicesOptions {
  readonly store: Pick<Store, 'rooms' | 'pairs' | 'conversations' | 'absences' | 'agents' | 'users' | 'seen' | 'messages' | 'events'>;
  /** The name of this process, unique among all. */
  readonly node: string;
  readonly log: Logger;
  /** Who may be paired besides those who wait (`PAIRING`). */
  readonly pairing: Pairing;
  readonly broker: Pick<Broker, 'emit'>;
  readonly presence: Pick<Presence, 'counts' | 'sessions' | 'sample'>;
  /**
   * Plans the job that closes the room at that time (Unix milliseconds), in place of an earlier
   * plan. Undefined: no job. May reject: the store knows the end of the room, and the clean-up job
   * closes overdue rooms.
   */
  readonly scheduleExpiry: (room: string, expiresAt: number | undefined) => Promise<void>;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Resolves after a number of milliseconds. It must not keep a process alive. */
  readonly wait: (milliseconds: number) => Promise<void>;
  /** Called when a signal was lost or a job was not planned. Neither is needed for correctness. */
  readonly failed: (error: unknown) => void;
}

/**
 * The services about rooms that API and worker share, composed over the ports. They hold no state:
 * any number of processes may have them.
 */
export interface RoomServices {
  readonly notifier: Notifier;
  /** Once started, sends the notices that dead processes left behind. */
  readonly noticeFeed: Pick<SharedFeed<NoticeEvent['kind']>, 'start' | 'stop'>;
  readonly lifecycle: RoomLifecycle;
  readonly groups: Groups;
  readonly list: RoomList;
  readonly kinds: PersonKinds;
  readonly matchmaker: Matchmaker;
  readonly assignment: Assignment;
}

/** Composes the services over the ports. `noticeFeed` is not started. */
export function roomServices({
  store,
  broker,
  presence,
  node,
  log,
  pairing,
  now,
  wait,
  failed,
  ...options
}: RoomServicesOptions): RoomServices {
  const scheduleExpiry = async (room: string, expiresAt: number | undefined): Promise<void> => {
    try {
      await options.scheduleExpiry(room, expiresAt);
    } catch (error) {
      failed(error);
    }
  };
  const { rooms, seen, users } = store;
  const notifier = new Notifier({ broker, wait, onLost: failed });
  const lifecycle = new RoomLifecycle({ rooms, notifier, forgetExpiry: (room) => scheduleExpiry(room, undefined), now });
  const people = new People({ seen, users });
  const kinds = new PersonKinds({ seen, presence, wait });
  const notices = new Notices({ rooms, kinds, broker });
  const noticeFeed = new SharedFeed({
    source: store.events,
    consumer: 'notices',
    kinds: NOTICE_EVENTS,
    maxAgeMs: NOTICE_MAX_AGE_MS,
    handle: (events) => notices.send(events),
    holder: `${node}.${randomUUID()}`,
    log,
  });
  const sendNotices = (): Promise<void> => noticeFeed.wake();
  const absences = new Absences({ absences: store.absences, presence, now });
  return {
    notifier,
    noticeFeed,
    lifecycle,
    groups: new Groups({ rooms, people, notifier, sendNotices, lifecycle, scheduleExpiry, roomName: () => freshRoomName('group'), now }),
    list: new RoomList({ rooms, messages: store.messages, presence }),
    kinds,
    matchmaker: new Matchmaker({
      pairing,
      pairs: store.pairs,
      seen,
      presence,
      absences,
      kinds,
      notifier,
      sendNotices,
      scheduleExpiry,
      roomName: () => freshRoomName('pair'),
      now,
    }),
    assignment: new Assignment({
      conversations: store.conversations,
      agents: store.agents,
      presence,
      absences,
      notifier,
      sendNotices,
      lifecycle,
      roomName: () => freshRoomName('conv'),
      now,
    }),
  };
}
