/** Events of the logs of rooms that are no messages (M7): how they are written, and what is read of kinds that this version may not know. */
import { memberText } from './json-text.ts';
import { eventHead, isMessageFrame } from './server-frame.ts';

/** The message whose whole state an event carries. */
export interface EventTarget {
  /** Its offset; 0 if the event changes no message. */
  readonly offset: number;
  /** Of the state: the highest one counts, whatever the order of the events. 0 if the event changes no message. */
  readonly version: number;
}

/** An entry of a log: its offset and its finished frame. */
interface LogFrame {
  readonly offset: number;
  readonly frame: Uint8Array;
  /** Of a message: the `event` frame with its latest state. Absent if nothing changed it. */
  readonly change?: Uint8Array;
}

/** An event of a room's log that is no message (M7). */
export interface EventBody {
  readonly id: string;
  readonly kind: string;
  readonly target: { readonly offset: number; readonly id: string } | undefined;
  /** Of the target's state. */
  readonly version: number | undefined;
  /** JSON of the target's whole state; or undefined. */
  readonly message: string | undefined;
  /** Unix milliseconds. */
  readonly at: number;
}

/** The JSON of an event, as it stands in its frame and in the store. */
export function eventJson({ id, kind, target, version, message, at }: EventBody): string {
  const state = message === undefined ? '' : `,"message":${message}`;
  return `${JSON.stringify({ id, kind, target, version }).slice(0, -1)}${state},"at":${at}}`;
}

/** What follows `{"offset":N,` in the `event` frame. `event` is made by `eventJson`. */
export function eventTail(room: string, event: string): string {
  return `${eventHead(room)}"event":${event}}`;
}

/** What is read of an event. Other members belong to kinds that this version may not know (M7). */
interface EventHead {
  readonly target?: { readonly offset: number };
  readonly version?: number;
}

/**
 * The message whose whole state an event carries; undefined if it changes none.
 *
 * @param event The JSON of the event, as in its frame.
 */
export function targetOfEvent(event: string): EventTarget | undefined {
  const { target, version } = JSON.parse(event) as EventHead;
  return target === undefined || version === undefined ? undefined : { offset: target.offset, version };
}

/** The JSON of the event in a finished `event` frame. */
export function eventOf(frame: Uint8Array): string {
  return memberText(Buffer.from(frame).toString(), 'event') ?? '{}';
}

/**
 * The messages of a stretch of a room's log, each with the event of the stretch that carries its latest state. That is the
 * one with the highest version, not the last one: two nodes may change a message at once. Other events are left out.
 *
 * @param entries In any order. A superseded event may have lost all but the head of its frame, `{"offset":N,`.
 */
export function latestStates<T extends LogFrame>(entries: readonly T[]): readonly T[] {
  if (entries.every(({ frame }) => isMessageFrame(frame) && !isHead(frame))) return entries;
  const changes = new Map<number, { readonly version: number; readonly frame: Uint8Array }>();
  const note = (frame: Uint8Array, at?: number): void => {
    const target = targetOfEvent(eventOf(frame));
    const offset = at ?? target?.offset ?? 0;
    if (target !== undefined && target.version > (changes.get(offset)?.version ?? 0))
      changes.set(offset, { version: target.version, frame });
  };
  const messages: T[] = [];
  for (const entry of entries) {
    const { offset, frame, change } = entry;
    if (isHead(frame)) continue;
    if (isMessageFrame(frame)) messages.push(entry);
    else note(frame);
    if (change !== undefined) note(change, offset);
  }
  return messages.map((message) => {
    const change = changes.get(message.offset)?.frame;
    return change === undefined ? message : { ...message, change };
  });
}

function isHead(frame: Uint8Array): boolean {
  return frame.at(-1) === COMMA;
}

const COMMA = 0x2c;
