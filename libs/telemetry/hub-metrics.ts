/** The metrics of a hub. Hot code keeps the series; a process without a hub shows none of them. */
import { ROOM_KINDS, type RoomKind, type RoomPolicy } from '#libs/protocol/room-kinds.ts';
import type { Timing, TimingHistogram } from './timing-histogram.ts';

const KINDS = Object.keys(ROOM_KINDS) as RoomKind[];
const RETENTIONS = ['none', 'stream', 'history'] as const;
type Retention = (typeof RETENTIONS)[number];

/** A series for each kind of room. */
type ByKind = Readonly<Record<RoomKind, Timing>>;

/** Plain numbers: the answers to the messages of rooms with one retention. */
export interface AnswerCounts {
  acked: number;
  failed: number;
  refused: number;
}

/** The histograms that a hub records into. */
export interface HubHistograms {
  readonly delivery: TimingHistogram;
  readonly ack: TimingHistogram;
  readonly handshake: TimingHistogram;
  readonly welcome: TimingHistogram;
  readonly join: TimingHistogram;
  readonly recovery: TimingHistogram;
}

/** The series of one hub. */
export class HubMetrics {
  readonly delivery: ByKind;
  /** A kind of room has the retentions of its policy alone. */
  readonly acks: Readonly<Record<Retention, Readonly<Partial<Record<RoomKind, Timing>>>>>;
  readonly answers: Readonly<Record<Retention, AnswerCounts>>;
  readonly handshakes: Readonly<Record<'accepted' | 'refused', Timing>>;
  readonly welcome: Timing;
  /** By the outcome: without a position, or with one. */
  readonly joins: Readonly<Record<'fresh' | 'recovered' | 'lost', ByKind>>;

  constructor({ delivery, ack, handshake, welcome, join, recovery }: HubHistograms) {
    this.delivery = byKind((room_kind) => delivery.make({ room_kind }));
    this.acks = record(RETENTIONS, (retention) =>
      record(
        KINDS.filter((kind) => retentionsOf(kind).includes(retention)),
        (room_kind) => ack.make({ retention, room_kind }),
      ),
    );
    this.answers = record(RETENTIONS, () => ({ acked: 0, failed: 0, refused: 0 }));
    this.handshakes = record(['accepted', 'refused'], (result) => handshake.make({ result }));
    this.welcome = welcome.make();
    this.joins = {
      fresh: byKind((room_kind) => join.make({ room_kind })),
      recovered: byKind((room_kind) => recovery.make({ result: 'recovered', room_kind })),
      lost: byKind((room_kind) => recovery.make({ result: 'lost', room_kind })),
    };
  }
}

function retentionsOf(kind: RoomKind): readonly Retention[] {
  const { retention }: RoomPolicy = ROOM_KINDS[kind];
  return retention === 'chosen' ? ['stream', 'history'] : [retention];
}

function byKind(make: (kind: RoomKind) => Timing): ByKind {
  return record(KINDS, make);
}

function record<K extends string, V>(keys: readonly K[], make: (key: K) => V): Record<K, V> {
  return Object.fromEntries(keys.map((key) => [key, make(key)])) as Record<K, V>;
}
