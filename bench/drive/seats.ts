import { Random } from './random.ts';
import { type Behaviour, type Scenario, UsageError } from './scenario.ts';

/** One connection of a load. */
export interface Seat {
  /** Its number among all. */
  readonly number: number;
  readonly does: Behaviour;
  /** The number of its room; -1 for none. */
  readonly room: number;
  /** Its number among those of its room who write; -1 for a reader. */
  readonly writer: number;
  /** The number of an agent, or of the agent who answers a customer; -1 for others. */
  readonly agent: number;
}

/** Who sits where. Each process of a load makes the same seating of one scenario. */
export interface Seating {
  readonly seats: readonly Seat[];
  /** The number of writers of each room. */
  readonly writers: Int32Array;
}

const SEED = 20_261;

/** Spreads the people of a scenario over behaviours and rooms. @throws UsageError if customers have no agent. */
export function seatingOf(scenario: Scenario): Seating {
  const random = new Random(SEED);
  const shares = Object.entries(scenario.people).map(([does, { share }]) => ({ does: does as Behaviour, share }));
  const total = shares.reduce((sum, { share }) => sum + share, 0);
  const owed = shares.map(() => 0);
  const writers = new Int32Array(scenario.rooms.count + (scenario.people.customer === undefined ? 0 : scenario.connections));
  let [agents, customers] = [0, 0];
  const pick = roomPicker(scenario.rooms, random);
  const seats: Seat[] = [];
  for (let number = 0; number < scenario.connections; number += 1) {
    // The behaviour that lags most behind its share comes next: so every worker has each.
    let most = 0;
    for (const [index, { share }] of shares.entries()) {
      owed[index] = (owed[index] ?? 0) + share / total;
      if ((owed[index] ?? 0) > (owed[most] ?? 0)) most = index;
    }
    owed[most] = (owed[most] ?? 0) - 1;
    const does = shares[most]?.does ?? 'idle';
    if (does === 'customer' || does === 'agent') {
      // A conversation is a room after the others: its customer is writer 0, its agent writer 1.
      const room = does === 'agent' ? -1 : scenario.rooms.count + customers++;
      if (room >= 0) writers[room] = 2;
      seats.push({ number, does, room, writer: does === 'agent' ? -1 : 0, agent: does === 'agent' ? agents++ : -1 });
      continue;
    }
    const room = does === 'idle' ? -1 : pick();
    const writer = does === 'chat' ? (writers[room] ?? 0) : -1;
    if (writer >= 0) writers[room] = writer + 1;
    seats.push({ number, does, room, writer, agent: -1 });
  }
  if (customers > 0 && agents === 0) throw new UsageError('There is no agent among so few connections: take more --connections.');
  let turn = 0;
  return { seats: seats.map((seat) => (seat.does === 'customer' ? { ...seat, agent: turn++ % agents } : seat)), writers };
}

function roomPicker({ count, spread }: Scenario['rooms'], random: Random): () => number {
  if (spread === 'uniform') {
    let next = 0;
    return () => next++ % count;
  }
  // Where each room ends on a line from 0 to the sum of 1/n.
  const ends = new Float64Array(count);
  let sum = 0;
  for (let room = 0; room < count; room += 1) {
    sum += 1 / (room + 1);
    ends[room] = sum;
  }
  return () => {
    const at = random.next() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ends[middle] ?? 0) > at) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
