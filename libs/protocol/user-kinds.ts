/**
 * What each kind of user may do (R6). HTTP and WebSocket both ask this table, and the table in
 * SPEC.md is made from it.
 */
import { HubError } from './errors.ts';
import { type RoomPower, roomPower } from './room-kinds.ts';

/** Every power, with the end of a sentence "a user may ...". */
export const POWERS = {
  park: 'enter `park`',
  rooms: 'enter open rooms, as far as R2 lets them',
  groups: 'make groups, be taken into them, enter them',
  direct: 'write to a user (`to`), be written to',
  pairs: 'ask for a partner, be paired',
  people: 'ask how many are online (`query`)',
  member: 'enter conversations of their own',
  ask: 'open conversations',
  answer: 'see and take all conversations, see which agents are online',
} as const satisfies Record<RoomPower, string> & Record<string, string>;
export type Power = keyof typeof POWERS;

type Row = ReadonlySet<Power>;

const ANYWHERE: readonly Power[] = ['park', 'rooms', 'groups', 'direct', 'people', 'member'];

/** `service`: a token of that kind. A11 says what a key of `API_KEYS` allows. */
export const USER_KINDS = {
  user: new Set([...ANYWHERE, 'pairs']),
  guest: new Set([...ANYWHERE, 'pairs']),
  customer: new Set(['member', 'ask']),
  agent: new Set([...ANYWHERE, 'answer']),
  service: new Set(ANYWHERE),
} as const satisfies Record<string, Row>;
export type UserKind = keyof typeof USER_KINDS;

/** Any other kind: only an issuer's tokens have one (A12). */
const OTHER: Row = new Set(ANYWHERE);

/** Whether a user of this kind (`kind` of a token) has a power. */
export function may(kind: string, power: Power): boolean {
  return rowOf(kind).has(power);
}

/** Whether the kind may be in a room of this name at all. Membership and claims decide the rest. */
export function mayEnter(kind: string, room: string): boolean {
  return may(kind, roomPower(room));
}

/** @throws HubError `FORBIDDEN` if the kind has none of the powers. */
export function requirePower(kind: string, ...anyOf: readonly Power[]): void {
  if (!anyOf.some((power) => may(kind, power))) throw refusal(kind);
}

/** @throws HubError `FORBIDDEN` if the kind may be in no room of this name. */
export function requireRoom(kind: string, room: string): void {
  if (!mayEnter(kind, room)) throw refusal(kind);
}

function rowOf(kind: string): Row {
  return Object.hasOwn(USER_KINDS, kind) ? USER_KINDS[kind as UserKind] : OTHER;
}

function refusal(kind: string): HubError {
  return kind === 'customer'
    ? new HubError('FORBIDDEN', 'Customers have their conversations and nothing else.')
    : new HubError('FORBIDDEN');
}
