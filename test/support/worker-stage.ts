import { randomBytes } from 'node:crypto';
import type { BrokerListener } from '#libs/broker/broker.ts';
import { DEFAULT_BROKER_LIMITS } from '#libs/broker/broker-limits.ts';
import { BrokerMemory } from '#libs/broker/broker-memory.ts';
import { MemorySpace } from '#libs/broker/memory-space.ts';
import { JobsMemory } from '#libs/jobs/jobs-memory.ts';
import { DevMailbox } from '#libs/mail/dev-mailbox.ts';
import { MailSeal } from '#libs/mail/login-mail.ts';
import type { Mailer } from '#libs/mail/mailer.ts';
import { MessageArchive } from '#libs/messages/message-archive.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { ManagedRoomKind } from '#libs/protocol/room-kinds.ts';
import { Notifier } from '#libs/rooms/notices.ts';
import { RoomLifecycle } from '#libs/rooms/room-lifecycle.ts';
import type { Store } from '#libs/store/store.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { createLogger } from '#libs/telemetry/logger.ts';
import { Metrics } from '#libs/telemetry/metrics.ts';
import { type RunningWorker, startWorker, type WorkerIntervals } from '#services/worker/worker.ts';
import { WatchedBackground } from './background.ts';
import { PostgresDatabase } from './postgres.ts';
import { until } from './wait.ts';

const LOG = createLogger({ node: 'test', level: 'silent' });
const SECRET = 'the secret of these tests, which is long enough';
const HOUR = 3_600_000;
/** Intervals that never elapse: only the test's own calls do work. */
const STILL: WorkerIntervals = {
  overdueMs: HOUR,
  restoreMs: HOUR,
  restoreAheadMs: HOUR,
  streamsMs: HOUR,
  streamGraceMs: 0,
  waitingMs: HOUR,
  upkeepMs: HOUR,
};

/** A store, a broker that records its signals, and workers on them. */
export class WorkerStage {
  readonly store: Store;
  readonly database: PostgresDatabase;
  readonly broker: BrokerMemory;
  readonly seal = new MailSeal(SECRET);
  readonly metrics = new Metrics({ version: 'test' });
  readonly signals: string[] = [];
  /** The number of next emits that fail. */
  emitFailures = 0;
  readonly #cleanups: (() => unknown)[] = [];

  private constructor(store: Store, database: PostgresDatabase) {
    this.store = store;
    this.database = database;
    this.broker = new BrokerMemory(DEFAULT_BROKER_LIMITS, new MemorySpace(DEFAULT_BROKER_LIMITS), new MessageArchive(store.messages));
  }

  static async open(): Promise<WorkerStage> {
    const database = await PostgresDatabase.create();
    const store = await openStore({ url: database.url });
    const stage = new WorkerStage(store, database);
    stage.atEnd(() => database.drop());
    stage.atEnd(() => store.close());
    stage.atEnd(() => stage.metrics.close());
    const ear: BrokerListener = {
      publication: () => undefined,
      signal: (topic, payload) => void stage.signals.push(`${topic} ${Buffer.from(payload).toString()}`),
      reset: () => undefined,
      healed: () => undefined,
      connectivity: () => undefined,
    };
    await stage.broker.start(ear);
    for (const user of ['u-ann', 'u-bob']) await stage.broker.subscribeUser(user);
    return stage;
  }

  /** Adds a clean-up of the test. The last one runs first. */
  atEnd(cleanup: () => unknown): void {
    this.#cleanups.push(cleanup);
  }

  async close(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
  }

  jobs(): JobsMemory {
    return new JobsMemory({ log: LOG, observe: this.metrics.jobs, settings: { backoffMs: 20, backoffMaxMs: 100 } });
  }

  async worker(
    jobs: JobsMemory,
    more: {
      readonly mailer?: Mailer;
      readonly intervals?: Partial<WorkerIntervals>;
      readonly waiting?: () => Promise<void>;
      readonly historyDays?: number;
    } = {},
  ): Promise<RunningWorker> {
    const notifier = new Notifier({ broker: this.broker, wait: async () => undefined });
    const lifecycle = new RoomLifecycle({ rooms: this.store.rooms, notifier, forgetExpiry: async () => undefined, now: Date.now });
    const worker = await startWorker({
      background: new WatchedBackground(),
      jobs,
      mailer: more.mailer ?? new DevMailbox({ print: () => undefined }),
      store: this.store,
      broker: {
        active: () => this.broker.active(),
        kept: (room, offset, limit) => this.broker.kept(room, offset, limit),
        emit: async (topic, payload) => {
          if (this.emitFailures-- > 0) throw new HubError('UNAVAILABLE');
          await this.broker.emit(topic, payload);
        },
      },
      seal: this.seal,
      waiting: more.waiting ?? (async () => undefined),
      lifecycle,
      notifier,
      historyDays: more.historyDays ?? 0,
      metrics: this.metrics.jobs,
      log: LOG,
      now: Date.now,
      intervals: { ...STILL, ...more.intervals },
    });
    this.atEnd(() => worker.stop());
    return worker;
  }

  /** Makes a room of Ann and Bob, half an hour old. */
  async room(kind: ManagedRoomKind, expiresAt: number | undefined, keepHistory = false): Promise<string> {
    const room = `${kind}:${randomBytes(16).toString('base64url')}`;
    const members = [
      { id: 'u-ann', name: 'Ann' },
      { id: 'u-bob', name: 'Bob' },
    ];
    await this.store.rooms.create({ room, kind, title: '', owner: '', keepHistory, createdAt: Date.now() - HOUR / 2, expiresAt }, members);
    return room;
  }

  async closed(room: string): Promise<void> {
    await until(async () => (await this.store.rooms.get(room))?.closedReason === 'expired', { describe: `${room} closed` });
  }
}
