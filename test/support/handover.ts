import type { MessageEvent, PageMessage } from '#libs/client/index.ts';
import type { ChatMessage, ServerFrame } from './server-frame.ts';
import { messageOf } from './server-frame.ts';

/** What an application has of a room. */
interface Shown {
  readonly ids: Set<string>;
  /** Offset of the newest message, or of the page that took the place of all before. */
  last: number;
  /** How often it was told that something is missing. */
  told: number;
}

/** What a client hands to its application: each message once, each room's in order, all that came. Whatever is wrong is told at once. */
export class Handover {
  /** Everything handed over, in whatever way. Who takes it out has it. */
  readonly messages: ChatMessage[] = [];
  readonly #rooms = new Map<string, Shown>();
  /** What waited for the user and is still to be handed over, by id: room. It may come in its turn by the room that it was said in. */
  readonly #waited = new Map<string, string>();
  readonly #fault: (detail: string) => void;

  constructor(fault: (detail: string) => void) {
    this.#fault = fault;
  }

  /** What came and is to be handed over at rest: nothing. */
  get owed(): string[] {
    return [...this.#waited].map(([id, room]) => `${id} of ${room} waited and was not handed over`);
  }

  /** A message of its own. */
  message({ room, offset, message, origin }: MessageEvent): void {
    const shown = this.#shown(room);
    const what = `${message.id} of ${room}, ${origin} at ${offset}`;
    if (shown.ids.has(message.id)) this.#fault(`${what}, was handed over before`);
    if (offset !== undefined && offset <= shown.last) this.#fault(`${what}, comes after ${shown.last}`);
    shown.last = offset ?? shown.last;
    this.#take(shown, message);
  }

  /** A page, in place of what was there. `told`: something is missing before it. */
  page({ room, offset, messages }: { room: string; offset?: number; messages: readonly PageMessage[] }, told: boolean): void {
    const shown = this.#shown(room);
    for (const { message } of messages) this.#take(shown, message);
    shown.last = offset ?? shown.last;
    if (told) shown.told += 1;
  }

  /** To be told when the client is through with a frame: its messages are all handed over, and each loss so far was told. */
  settled(frame: ServerFrame, told: number): void {
    const { type, room = '' } = frame;
    if (type === 'message') this.#had(room, messageOf(frame), type);
    if (type === 'offline_message' && !this.#shown(room).ids.has(messageOf(frame).id)) this.#waited.set(messageOf(frame).id, room);
    if (type !== 'joined' && type !== 'resync') return;
    for (const { message } of frame.messages ?? []) this.#had(room, message, type);
    const { told: heard } = this.#shown(room);
    if (heard !== told) this.#fault(`of ${told} losses in ${room} it was told ${heard}`);
  }

  #had(room: string, { id }: ChatMessage, type: string): void {
    if (!this.#shown(room).ids.has(id)) this.#fault(`${id} of ${room} came as ${type} and was not handed over`);
  }

  #take({ ids }: Shown, message: ChatMessage): void {
    ids.add(message.id);
    this.#waited.delete(message.id);
    this.messages.push(message);
  }

  #shown(room: string): Shown {
    const known = this.#rooms.get(room);
    if (known !== undefined) return known;
    const shown: Shown = { ids: new Set(), last: 0, told: 0 };
    this.#rooms.set(room, shown);
    return shown;
  }
}
