import type {
  ErrorFrame,
  JoinedFrame,
  JoinTarget,
  MessageFrame,
  OfflineMessageFrame,
  PageMessage,
  Position,
  ResyncFrame,
} from '#libs/protocol/frame-types.ts';
import { ClientError, type ClientErrorCode } from './client-error.ts';
import type { JoinedEvent, JoinResult, ResyncEvent, RoomLostEvent } from './client-events.ts';
import { deferred } from './deferred.ts';
import type { Inbox } from './inbox.ts';
import { JoinFrames } from './join-frames.ts';
import { Room, RoomState } from './room.ts';
import { isPrivateRoom } from './room-kinds.ts';
import type { SendQueue } from './send-queue.ts';
import { type Clock, Timer } from './timer.ts';

export interface RoomsOptions {
  readonly wire: SendQueue;
  readonly clock: Clock;
  readonly inbox: Inbox;
  readonly timeoutMs: number;
  /** Milliseconds until the next try, after this many failed joins. */
  readonly backoff: (failures: number) => number;
  readonly newId: () => string;
  /** A join timed out for the application. The hub may still do it. */
  readonly abandoned: (room: string) => void;
  /** A room was entered or given up: its messages need not wait. */
  readonly settled: () => void;
  readonly joined: (event: JoinedEvent) => void;
  readonly resync: (event: ResyncEvent) => void;
  readonly lost: (event: RoomLostEvent) => void;
}

/**
 * The rooms that the client is in or enters, the position in each, and the way back after a
 * reconnect (M5).
 */
export class Rooms {
  readonly #options: RoomsOptions;
  readonly #rooms = new Map<string, Room>();
  readonly #frames: JoinFrames;

  constructor(options: RoomsOptions) {
    this.#options = options;
    this.#frames = new JoinFrames(options, this.#rooms, (room, error) => this.#failed(room, error));
  }

  /** Whether the room is being joined on this connection. */
  isEntering(name: string): boolean {
    const room = this.#rooms.get(name);
    return room !== undefined && room.state !== RoomState.joined;
  }

  /** The position in a room. Undefined also in a room that keeps nothing. */
  position(name: string): Position | undefined {
    return this.#rooms.get(name)?.position;
  }

  /**
   * Asks for rooms in as few frames as possible. Returns the answers of those that are not entered
   * yet. A room that is asked for twice has one answer.
   */
  join(targets: readonly JoinTarget[]): Map<string, Promise<JoinResult>> {
    const answers = new Map<string, Promise<JoinResult>>();
    const waiting = new Set<Room>();
    for (const { room: name, since } of targets) {
      const room = this.#rooms.get(name) ?? this.#wanted(name, since);
      if (room.wish === undefined) continue;
      answers.set(name, room.wish.promise);
      if (room.state === RoomState.waiting) waiting.add(room);
    }
    this.#frames.send([...waiting]);
    return answers;
  }

  /** Gives a room up. A waiting join rejects with `error`. */
  leave(name: string, error: ClientError): void {
    const room = this.#rooms.get(name);
    if (room === undefined) return;
    this.#rooms.delete(name);
    room.state = RoomState.left;
    room.wish?.timer.stop();
    room.wish?.reject(error);
    this.#release(room);
    this.#options.inbox.left(name);
    this.#options.settled();
  }

  /** Another user is logged in: the rooms entered before were not theirs. */
  newUser(): void {
    for (const room of this.#rooms.values()) if (room.wish === undefined) this.#rooms.delete(room.name);
  }

  /** The hub took this user out of the room. */
  takenOut(name: string): void {
    const room = this.#rooms.get(name);
    if (room !== undefined) this.#failed(room, { code: 'FORBIDDEN', message: `${name} is not open to this user any more` });
  }

  lineUp(frameBytes: number): void {
    this.#frames.lineUp(frameBytes);
  }

  lineDown(): void {
    this.#frames.lineDown();
    for (const room of this.#rooms.values()) room.held = [];
  }

  end(error: ClientError): void {
    for (const room of this.#rooms.values()) if (room.wish !== undefined) this.leave(room.name, error);
  }

  message({ room: name, offset, message }: MessageFrame): void {
    const room = this.#rooms.get(name);
    // It belongs to a join that was given up. The answer to the next join has it, with what lies
    // before it.
    if (room?.state === RoomState.joining && offset !== undefined && !isPrivateRoom(name)) return;
    if (room?.advance(offset) !== false) this.#options.inbox.take(name, offset, message, 'live');
  }

  /**
   * A message that waited. Offline messages come from the store, which may lack a message that the
   * sequence has. So in a room that the client was in before, messages beyond its position come by
   * the room. If the sequence was lost meanwhile, this position means nothing. So all are held
   * until the room is entered again.
   */
  waited(frame: OfflineMessageFrame): void {
    const room = this.#rooms.get(frame.room);
    const position = room?.position;
    if (position === undefined || (room?.state === RoomState.joined && frame.offset <= position.offset)) this.#options.inbox.waited(frame);
    else room?.held.push(frame);
  }

  answered(frame: JoinedFrame): void {
    const room = this.#rooms.get(frame.room);
    if (room !== undefined && room.joinId === frame.id && room.state === RoomState.joining) {
      const known = room.position;
      room.position = reached(frame);
      this.#release(room, frame.recovered && known !== undefined ? known.offset + 1 : frame.messages[0]?.offset);
      if (room.wish === undefined) this.#again(room, frame, known);
      else room.wish.missed = frame.recovered ? [...room.wish.missed, ...frame.messages] : frame.messages;
      this.#frames.answered(room, frame);
      if (!frame.more && this.#has(room)) this.#entered(room, frame);
    }
  }

  /** Returns whether the error answers a join. */
  fail(frame: ErrorFrame): boolean {
    return this.#frames.fail(frame);
  }

  resync({ room, epoch, offset, messages }: ResyncFrame): void {
    const known = this.#rooms.get(room);
    if (known !== undefined) {
      known.position = { epoch, offset };
      this.#release(known, messages[0]?.offset);
    }
    this.#options.inbox.goesOn(room, offset, messages);
    this.#options.resync({ room, epoch, offset, messages, reason: 'resync' });
  }

  #wanted(name: string, since: Position | undefined): Room {
    const { clock, timeoutMs, abandoned } = this.#options;
    const timer = new Timer(clock, () => {
      this.leave(name, new ClientError('TIMEOUT', `no answer from ${name} in time`, true));
      abandoned(name);
    });
    timer.start(timeoutMs);
    const room = new Room(name, since);
    room.wish = { missed: [], timer, ...deferred<JoinResult>() };
    this.#rooms.set(name, room);
    return room;
  }

  /** Hands over the held messages below this offset, or all. */
  #release(room: Room, below = Number.POSITIVE_INFINITY): void {
    const { held } = room;
    room.held = held.filter(({ offset }) => offset >= below);
    for (const frame of held) if (frame.offset < below) this.#options.inbox.waited(frame);
  }

  /** A frame of the answer to a join after a reconnect. `known`: the position before it. */
  #again(room: Room, { recovered, epoch, offset, messages }: JoinedFrame, known: Position | undefined): void {
    const { name } = room;
    const { inbox, resync } = this.#options;
    if (recovered) {
      // A listener may leave the room.
      for (const { offset: at, message } of messages) if (this.#has(room)) inbox.take(name, at, message, 'recovered');
    } else if (known !== undefined && epoch !== undefined && offset !== undefined) {
      inbox.goesOn(name, offset, messages);
      resync({ room: name, epoch, offset, messages, reason: 'join' });
    }
  }

  #entered(room: Room, { count, recovered }: JoinedFrame): void {
    const { name, wish, position } = room;
    room.state = RoomState.joined;
    room.failures = 0;
    room.wish = undefined;
    const messages: readonly PageMessage[] = wish?.missed ?? [];
    const result: JoinResult = { room: name, count, ...position, recovered, messages };
    if (wish !== undefined) {
      wish.timer.stop();
      this.#options.inbox.page(name, messages);
      wish.resolve(result);
    }
    if (position !== undefined) this.#release(room, position.offset + 1);
    this.#options.joined({ ...result, automatic: wish === undefined });
    this.#options.settled();
  }

  #has(room: Room): boolean {
    return this.#rooms.get(room.name) === room;
  }

  #failed(room: Room, { code, message }: Pick<ErrorFrame, 'code' | 'message'>): void {
    if (!this.#has(room)) return;
    const { wish } = room;
    this.leave(room.name, new ClientError(code as ClientErrorCode, message));
    if (wish === undefined) this.#options.lost({ room: room.name, code, message });
  }
}

/** The position after a `joined` frame. If more follow, it is that of the last message. */
function reached({ epoch, offset, more, messages }: JoinedFrame): Position | undefined {
  const at = more ? messages.at(-1)?.offset : offset;
  return epoch === undefined || at === undefined ? undefined : { epoch, offset: at };
}
