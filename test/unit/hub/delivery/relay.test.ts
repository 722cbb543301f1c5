import { beforeEach, describe, expect, test } from 'vitest';
import { Counts } from '#libs/hub/delivery/counts.ts';
import { Relay } from '#libs/hub/delivery/relay.ts';
import { UnknownSignals } from '#libs/hub/delivery/unknown-signals.ts';
import { Room } from '#libs/hub/rooms/room.ts';
import type { Rooms } from '#libs/hub/rooms/rooms.ts';
import { muteStats } from '#test/support/mute-stats.ts';

const AT = 1_700_000_000_000;
const frame = (offset: number): Buffer =>
  Buffer.from(`{"offset":${offset},"room":"den","type":"message","message":{"id":"m${offset}","at":${AT}}}`);

interface Sent {
  readonly type: string;
  readonly offset: number;
  readonly recovered?: boolean;
  readonly messages?: readonly { readonly offset: number }[];
}

let failures: unknown[];
let sent: Sent[];
let broken: (topic: string) => boolean;
let room: Room;
let relay: Relay;

const bug = (): never => {
  throw new TypeError('a bug');
};

beforeEach(() => {
  [failures, sent, broken] = [[], [], () => false];
  room = new Room('den', true, { bytes: 0, max: 1_000_000 });
  room.restart({ epoch: 'e', offset: 0 }, []);
  room.subscribed(false);
  room.subscribed(false);
  const fanout = {
    publish: (topic: string, bytes: Uint8Array | string) => {
      if (broken(topic)) bug();
      sent.push(JSON.parse(Buffer.from(bytes as Uint8Array).toString()));
    },
  };
  relay = new Relay({
    node: 'n',
    rooms: { get: (name: string) => (name === 'den' ? room : undefined) } as Rooms,
    counts: new Counts(fanout),
    fanout,
    acks: { relayed: () => undefined },
    stats: muteStats(),
    now: () => AT,
    userSignal: bug,
    closed: bug,
    unknownSignals: new UnknownSignals({ log: { warn: bug }, ignored: bug, steady: () => 0 }),
    healed: bug,
    connectivity: bug,
    failed: (error) => void failures.push(error),
  });
});

describe('a bug while the broker hands something over throws nothing into its socket', () => {
  test('[M4] of a message: it is reported, and the room gets a resync that holds the message', () => {
    relay.publication('den', 1, frame(1));
    let once = true;
    broken = () => {
      const now = once;
      once = false;
      return now;
    };
    relay.publication('den', 2, frame(2));
    relay.publication('den', 3, frame(3));
    expect(failures).toHaveLength(1);
    expect(sent.map(({ type, offset }) => [type, offset])).toEqual([
      ['message', 1],
      ['resync', 2],
      ['message', 3],
    ]);
    expect(sent[1]).toMatchObject({ recovered: false, messages: [{ offset: 1 }, { offset: 2 }] });
    expect(room.recent.latest()?.map(({ offset }) => offset)).toEqual([1, 2, 3]);
  });

  test('of a message and of its resync: both are reported, and the next message goes out', () => {
    broken = () => true;
    relay.publication('den', 1, frame(1));
    broken = () => false;
    relay.publication('den', 2, frame(2));
    expect(failures).toHaveLength(2);
    expect(sent.map(({ type, offset }) => [type, offset])).toEqual([['message', 2]]);
    expect([room.offset, room.epoch]).toEqual([2, 'e']);
  });

  test('of a signal, a reset, what is healed, and how the broker is reached', () => {
    broken = () => true;
    relay.signal('u:ada', Buffer.from('~'));
    relay.signal('r:den', Buffer.from('~cclosed'));
    relay.signal('r:den', frame(1));
    relay.reset('den', { epoch: 'f', offset: 9 }, []);
    relay.healed(['r:den']);
    relay.connectivity(true);
    expect(failures).toHaveLength(6);
  });
});
