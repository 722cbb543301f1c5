import type { MessageEvent, PageMessage } from '#libs/client/index.ts';
import type { ChatMessage, ServerFrame } from './server-frame.ts';
import { messageOf } from './server-frame.ts';

/** The state of a room in an application. */
interface Shown {
  readonly ids: Set<string>;
  /** The offset of the newest message, or of the page that replaced all earlier ones. */
  last: number;
  /** The number of reported losses. */
  told: number;
}

/**
 * Checks the messages that a client gives to its application: each once, in the order of its room,
 * and all of them. Reports a fault at once.
 */
export class Handover {
  /** All messages given to the application. The reader removes them. */
  readonly messages: ChatMessage[] = [];
  readonly #rooms = new Map<string, Shown>();
  /**
   * Offline messages that the application has not got yet: room by id. A message may also come in
   * its turn by its room.
   */
  readonly #waited = new Map<string, string>();
  readonly #fault: (detail: string) => void;

  constructor(fault: (detail: string) => void) {
    this.#fault = fault;
  }

  /** Messages that arrived and that the application has not got yet: none at rest. */
  get owed(): string[] {
    return [...this.#waited].map(([id, room]) => `${id} of ${room} waited and was not handed over`);
  }

  /** A single message. */
  message({ room, offset, message, origin }: MessageEvent): void {
    const shown = this.#shown(room);
    const what = `${message.id} of ${room}, ${origin} at ${offset}`;
    if (shown.ids.has(message.id)) this.#fault(`${what}, was handed over before`);
    if (offset !== undefined && offset <= shown.last) this.#fault(`${what}, comes after ${shown.last}`);
    shown.last = offset ?? shown.last;
    this.#take(shown, message);
  }

  /** A page that replaces the earlier messages. `told`: a loss before it was reported. */
  page({ room, offset, messages }: { room: string; offset?: number; messages: readonly PageMessage[] }, told: boolean): void {
    const shown = this.#shown(room);
    for (const { message } of messages) this.#take(shown, message);
    shown.last = offset ?? shown.last;
    if (told) shown.told += 1;
  }

  /**
   * Call it when the client has handled a frame: all its messages are passed on, and each loss so
   * far is reported.
   */
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
