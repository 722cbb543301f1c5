/**
 * Events of rooms' logs that are no messages (M7): builds them, and reads them even if this version
 * does not know their kind.
 */
import { memberText } from './json-text.ts';
import { eventHead, frameHeadOf, isMessageFrame } from './server-frame.ts';

/** The message whose whole state an event carries. */
export interface EventTarget {
  /** Its offset; 0 if the event changes no message. */
  readonly offset: number;
  /**
   * The version of the state. The highest one counts; of equal ones, that of the highest offset. 0
   * if the event changes no message.
   */
  readonly version: number;
}

/** An entry of a log: its offset and its finished frame. */
interface LogFrame {
  readonly offset: number;
  readonly frame: Uint8Array;
  /** For a message: the `event` frame with its latest state. Absent if no event changed it. */
  readonly change?: Uint8Array;
}

/** An event of a room's log that is no message (M7). */
export interface EventBody {
  readonly id: string;
  readonly kind: string;
  readonly target: { readonly offset: number; readonly id: string } | undefined;
  /** The version of the target's state. */
  readonly version: number | undefined;
  /** The JSON of the target's whole state; or undefined. */
  readonly message: string | undefined;
  /** Unix milliseconds. */
  readonly at: number;
}

/** Returns the JSON of an event, as in its frame and in the store. */
export function eventJson({ id, kind, target, version, message, at }: EventBody): string {
  const state = message === undefined ? '' : `,"message":${message}`;
  return `${JSON.stringify({ id, kind, target, version }).slice(0, -1)}${state},"at":${at}}`;
}

/**
 * Returns the part of an `event` frame after `{"offset":N,`.
 *
 * @param event JSON made by `eventJson`.
 */
export function eventTail(room: string, event: string): string {
  return `${eventHead(room)}"event":${event}}`;
}

/**
 * The members of an event that are read. Others belong to kinds that this version may not know
 * (M7).
 */
interface EventHead {
  readonly target?: { readonly offset: number };
  readonly version?: number;
}

/**
 * Returns the message whose whole state an event carries; undefined if it changes none.
 *
 * @param event The JSON of the event, as in its frame.
 */
export function targetOfEvent(event: string): EventTarget | undefined {
  const { target, version } = JSON.parse(event) as EventHead;
  return target === undefined || version === undefined ? undefined : { offset: target.offset, version };
}

/** A message's whole state, as an event carries it. */
export interface MessageState {
  /** The JSON of the message. */
  readonly message: string;
  /** The version of the state; 0 if nothing changed the message. */
  readonly version: number;
}

/**
 * Returns the state that an event carries; undefined if it changes no message.
 *
 * @param event The JSON of the event, as in its frame.
 */
export function stateIn(event: string): MessageState | undefined {
  const version = targetOfEvent(event)?.version;
  const message = version === undefined ? undefined : memberText(event, 'message');
  return version === undefined || message === undefined ? undefined : { message, version };
}

/** Returns the JSON of the event in a finished `event` frame. */
export function eventOf(frame: Uint8Array): string {
  return memberText(Buffer.from(frame).toString(), 'event') ?? '{}';
}

/**
 * Returns the messages of a stretch of a room's log, each with the event that carries its latest
 * state. That is the event with the highest version, and of equal ones that of the highest offset:
 * two nodes may change a message at the same time. Other events are left out.
 *
 * @param entries In any order. An event may have lost all but the head of its frame,
 *   `{"offset":N,`. It counts as superseded.
 */
export function latestStates<T extends LogFrame>(entries: readonly T[], changes: readonly Uint8Array[] = []): readonly T[] {
  if (changes.length === 0 && entries.every(({ frame }) => isMessageFrame(frame) && !isHead(frame))) return entries;
  const latest = new Map<number, Change>();
  const messages: T[] = [];
  for (const frame of changes) note(latest, frame);
  for (const entry of entries) {
    if (isHead(entry.frame)) continue;
    if (isMessageFrame(entry.frame)) messages.push(entry);
    else note(latest, entry.frame);
    if (entry.change !== undefined) note(latest, entry.change);
  }
  return messages.map((message) => {
    const change = latest.get(message.offset)?.frame;
    return change === undefined ? message : { ...message, change };
  });
}

interface Change {
  readonly version: number;
  /** The offset of the event. */
  readonly offset: number;
  readonly frame: Uint8Array;
}

/** Keeps a change if it is later than the known one of its target. */
function note(latest: Map<number, Change>, frame: Uint8Array): void {
  const target = targetOfEvent(eventOf(frame));
  if (target === undefined) return;
  const { offset } = frameHeadOf(frame);
  const known = latest.get(target.offset);
  if (known === undefined || target.version > known.version || (target.version === known.version && offset > known.offset))
    latest.set(target.offset, { version: target.version, offset, frame });
}

function isHead(frame: Uint8Array): boolean {
  return frame.at(-1) === COMMA;
}

const COMMA = 0x2c;
