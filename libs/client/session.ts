import type { JoinTarget, ServerFrame, WelcomeFrame } from '#libs/protocol/frame-types.ts';
import { backoffMs } from './backoff.ts';
import { ClientError } from './client-error.ts';
import type { ClientEvents, JoinResult } from './client-events.ts';
import type { Settings } from './client-options.ts';
import type { StatusReason } from './client-status.ts';
import { Connector } from './connector.ts';
import { Deliveries } from './deliveries.ts';
import { Emitter } from './emitter.ts';
import { Inbox } from './inbox.ts';
import { Outbox } from './outbox.ts';
import { RateLimiter } from './rate-limiter.ts';
import { Requests } from './requests.ts';
import { Rooms } from './rooms.ts';
import { SendQueue } from './send-queue.ts';
import { TokenRenewal } from './token-renewal.ts';
import { TypingNotice } from './typing-notice.ts';

/** With these codes the user is not in the room either. */
const GONE: ReadonlySet<string> = new Set(['NOT_JOINED', 'UNAVAILABLE', 'CLOSED', 'USER_CHANGED']);

/**
 * Puts the parts of a client together: what each does when a connection opens, ends, or brings a
 * frame.
 */
export class Session {
  readonly events = new Emitter<ClientEvents>();
  readonly connector: Connector;
  readonly requests: Requests;
  readonly rooms: Rooms;
  readonly outbox: Outbox;
  readonly deliveries: Deliveries;
  readonly typing: TypingNotice;
  readonly renewal: TokenRenewal;
  welcome: WelcomeFrame | undefined;
  /**
   * After an end the client begins again. Calls that wait then belong to the user who logs in next.
   */
  #anew = true;
  readonly #wire: SendQueue;
  readonly #inbox: Inbox;

  constructor(settings: Settings) {
    const { events } = this;
    const { clock, random, backoff, requestTimeoutMs, queueMax, getToken, pace, delivered } = settings;
    this.connector = new Connector(settings, {
      status: (status) => events.emit('status', status),
      frame: (frame) => this.#frame(frame),
      up: (welcome) => this.#up(welcome),
      down: () => this.#down(),
      ended: (reason) => this.#ended(reason),
    });
    const { connector } = this;
    this.#wire = new SendQueue(
      new RateLimiter(clock, pace),
      () => connector.up,
      (frame) => connector.send(frame),
    );
    const wire = this.#wire;
    this.requests = new Requests(wire, clock, requestTimeoutMs);
    this.deliveries = new Deliveries(wire, clock, delivered === 'manual');
    this.typing = new TypingNotice(wire, clock);
    this.#inbox = new Inbox(this.deliveries, (event) => events.emit('message', event));
    this.rooms = new Rooms({
      wire,
      clock,
      inbox: this.#inbox,
      timeoutMs: requestTimeoutMs,
      backoff: (failures) => backoffMs(backoff, failures, random),
      newId: () => this.requests.newId(),
      abandoned: (room) => void this.#leaveOnHub(room).catch(() => undefined),
      settled: () => this.outbox.pump(),
      joined: (event) => events.emit('joined', event),
      resync: (event) => events.emit('resync', event),
      lost: (event) => events.emit('room_lost', event),
    });
    this.outbox = new Outbox({
      wire,
      clock,
      random,
      backoff,
      queueMax,
      answerMs: requestTimeoutMs,
      isEntering: (room) => this.rooms.isEntering(room),
    });
    this.renewal = new TokenRenewal({
      getToken,
      requests: this.requests,
      renewed: (expiresAt) => connector.tokenEnds(expiresAt),
    });
  }

  /** Enters rooms. Reads the latest page of a room that it is in already. */
  join(targets: readonly JoinTarget[]): Promise<JoinResult>[] {
    const answers = this.rooms.join(targets);
    return targets.map(({ room }) => answers.get(room) ?? this.#look(room));
  }

  async #look(room: string): Promise<JoinResult> {
    const [{ messages }, { count }] = await Promise.all([
      this.requests.ask({ type: 'history', room, limit: 100 }),
      this.requests.ask({ type: 'presence', room }),
    ]);
    return { room, count, ...this.rooms.position(room), recovered: false, messages };
  }

  /**
   * Leaves a room. Without a connection there is nothing to leave: the room is not joined again.
   */
  async leave(room: string): Promise<void> {
    this.rooms.leave(room, new ClientError('LEFT', `${room} was left`));
    await this.#leaveOnHub(room);
  }

  /** Not sent on a later connection: there it would come after the joins and undo a new one. */
  async #leaveOnHub(room: string): Promise<void> {
    if (!this.connector.up) return;
    try {
      await this.requests.ask({ type: 'leave', room }, false);
    } catch (error) {
      if (!(error instanceof ClientError && GONE.has(error.code))) throw error;
    }
  }

  #up(welcome: WelcomeFrame): void {
    const { frameBytes } = welcome.limits;
    const before = this.welcome?.user;
    const changed = before !== undefined && before.id !== welcome.user.id;
    if (changed) {
      if (!this.#anew)
        this.#drop(new ClientError('USER_CHANGED', `asked for as ${before.name}, and ${welcome.user.name} is logged in now`));
      this.rooms.newUser();
      this.#inbox.newUser();
    }
    this.#anew = false;
    this.welcome = welcome;
    this.deliveries.lineUp();
    this.rooms.lineUp(frameBytes);
    this.outbox.lineUp(frameBytes);
    this.requests.lineUp();
    this.events.emit('frame', welcome);
    this.events.emit('welcome', welcome);
    if (changed) this.events.emit('user_changed', { before, user: welcome.user });
  }

  #down(): void {
    this.#wire.clear();
    this.rooms.lineDown();
    this.outbox.lineDown();
    this.requests.lineDown(new ClientError('UNAVAILABLE', 'the connection was lost', true));
  }

  #ended({ code, message }: StatusReason): void {
    this.#anew = true;
    this.#drop(new ClientError('CLOSED', message ?? code));
  }

  /** Rejects waiting calls. Messages come first, because the end of a join releases them. */
  #drop(error: ClientError): void {
    this.outbox.end(error);
    this.requests.end(error);
    this.rooms.end(error);
  }

  #frame(frame: ServerFrame): void {
    const { events, rooms, requests, outbox } = this;
    events.emit('frame', frame);
    switch (frame.type) {
      case 'message':
        rooms.message(frame);
        return;
      case 'offline_message':
        rooms.waited(frame);
        return;
      case 'ack':
        outbox.ack(frame);
        return;
      case 'joined':
        rooms.answered(frame);
        return;
      case 'resync':
        rooms.resync(frame);
        return;
      case 'error':
        // An error with an id of `Requests` answers a call that is over.
        if (!outbox.fail(frame) && !requests.fail(frame) && !rooms.fail(frame) && frame.id?.[0] !== '~') events.emit('error', frame);
        return;
      case 'left':
        if (frame.id === undefined) rooms.takenOut(frame.room);
        else requests.answer(frame);
        return;
      case 'room_closed':
        rooms.leave(frame.room, new ClientError('ROOM_CLOSED', `${frame.room} is closed`));
        this.#inbox.closed(frame.room);
        events.emit('room_closed', frame);
        return;
      case 'token_expiring':
        events.emit('token_expiring', frame);
        this.renewal.notice();
        return;
      case 'welcome':
        return;
      default:
        // The answer to a request, an event, or both. A frame that is neither has no listener.
        requests.answer(frame);
        events.emit(frame.type as keyof ClientEvents, frame as never);
    }
  }
}
