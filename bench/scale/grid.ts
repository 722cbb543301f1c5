/** What `npm run bench -- scale` measures: nodes, connections, and who is in which room. */

/** Gateway processes. */
export const NODES = [1, 2, 4, 8] as const;
/** Connections of all gateways together. */
export const CONNECTIONS = [1_000, 5_000, 20_000, 50_000, 100_000] as const;
/** Connections that fit on a gateway: a process may open 20,000 files, and needs some for itself. */
const MOST_ON_A_NODE = 19_000;

/**
 * Who is in which room. `one`: everybody in one room. `many`: rooms of ten, each with its members
 * on two nodes at most. `mixed`: of ten people three in one hall, six in rooms of ten, one in none.
 */
export const SHAPES = ['one', 'many', 'mixed'] as const;
export type Shape = (typeof SHAPES)[number];

/** One measured point. */
export interface Point {
  readonly nodes: number;
  readonly connections: number;
  readonly shape: Shape;
}

/** Points with the same servers, one after the other, each with more connections. */
export interface Tour {
  readonly nodes: number;
  readonly shape: Shape;
  readonly connections: readonly number[];
}

/** The tours of a selection. Points that do not fit into the files of their gateways are left out. */
export function toursOf(nodes: readonly number[], connections: readonly number[], shapes: readonly Shape[]): readonly Tour[] {
  return shapes
    .flatMap((shape) =>
      nodes.map((count) => ({
        nodes: count,
        shape,
        connections: connections.filter((all) => all <= count * MOST_ON_A_NODE).sort((a, b) => a - b),
      })),
    )
    .filter((tour) => tour.connections.length > 0);
}

/** Where a connection sits. */
export interface Place {
  /** The name of its room; undefined for none. */
  readonly room: string | undefined;
  readonly node: number;
}

const ROOM = 10;
const HALL = 'hall';

/** The place of the n-th connection, whatever comes after it. */
export function placeOf(shape: Shape, n: number, nodes: number): Place {
  if (shape === 'one') return { room: HALL, node: n % nodes };
  if (shape === 'many') return small(n, nodes);
  const [ten, within] = [Math.floor(n / 10), n % 10];
  if (within < 3) return { room: HALL, node: (ten * 3 + within) % nodes };
  return within < 9 ? small(ten * 6 + within - 3, nodes) : { room: undefined, node: ten % nodes };
}

function small(n: number, nodes: number): Place {
  const room = Math.floor(n / ROOM);
  return { room: `small${room}`, node: (room + (n % 2)) % nodes };
}

/** What a number of connections (a multiple of 100) makes: rooms, members, nodes that a message concerns. */
export interface Audience {
  /** Members of the one room; 0 if there is none. */
  readonly hall: number;
  readonly smallRooms: number;
  /** Members of all rooms together. */
  readonly memberships: number;
  /** Nodes with a member of the hall. */
  readonly hallNodes: number;
  /** Nodes with a member of a small room. */
  readonly smallNodes: number;
}

export function audienceOf({ shape, connections, nodes }: Point): Audience {
  const hall = shape === 'one' ? connections : shape === 'mixed' ? connections * 0.3 : 0;
  const small = shape === 'many' ? connections : shape === 'mixed' ? connections * 0.6 : 0;
  return { hall, smallRooms: small / ROOM, memberships: hall + small, hallNodes: hall > 0 ? nodes : 0, smallNodes: Math.min(2, nodes) };
}

/** Messages of one stretch of traffic. */
export interface Traffic {
  readonly hall: number;
  readonly small: number;
  readonly seconds: number;
}

const SMALL_MESSAGES = 3_200;
/** Deliveries in the one room, about. */
const HALL_DELIVERIES = 320_000;
const [LEAST, MOST] = [12, 300];
/** Deliveries a second that leave the gateways, on one core together, some of it. */
const DELIVERIES_A_SECOND = 50_000;

/** The traffic of a point. `share`: a part of it, as a probe needs. */
export function trafficOf(point: Point, share = 1): Traffic {
  const { hall, smallRooms } = audienceOf(point);
  const toHall = hall === 0 ? 0 : Math.ceil(Math.min(MOST, Math.max(LEAST, HALL_DELIVERIES / hall)) * share);
  const toSmall = smallRooms === 0 ? 0 : Math.ceil(SMALL_MESSAGES * share * (hall > 0 ? 0.5 : 1));
  return {
    hall: toHall,
    small: toSmall,
    seconds: Math.max(8 * share, (toHall * hall + toSmall * ROOM) / DELIVERIES_A_SECOND),
  };
}

/** Deliveries of a stretch of traffic. */
export function deliveriesOf(point: Point, { hall, small }: Traffic): number {
  return hall * audienceOf(point).hall + small * ROOM;
}

/** Messages, counted once for each node that has a member in their room. */
export function relaysOf(point: Point, { hall, small }: Traffic): number {
  const { hallNodes, smallNodes } = audienceOf(point);
  return hall * hallNodes + small * smallNodes;
}

/** The name of a small room by its number, and that of the one room. */
export const smallRoom = (room: number): string => `small${room}`;
export { HALL };
