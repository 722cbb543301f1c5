import type { Answers, ClientFrame, ClientFrames, ErrorFrame, ServerFrame } from '#libs/protocol/frame-types.ts';
import { ClientError } from './client-error.ts';
import type { SendQueue } from './send-queue.ts';
import { type Clock, Timer } from './timer.ts';

/** Frames that are asked here. `Rooms` sends joins, `Outbox` messages. */
type Question = Exclude<keyof Answers, 'join' | 'join_many' | `message${string}`>;
type TypedQuestion<K extends Question> = Omit<ClientFrames[K], 'id'> & { readonly type: K };

interface Request {
  /** Undefined until the question is known. */
  frame: ClientFrame | undefined;
  /** Means the same on another connection. */
  readonly repeats: boolean;
  readonly timer: Timer;
  resolve(frame: ServerFrame): void;
  reject(error: ClientError): void;
}

/** Requests and their answers, matched by `id`. */
export class Requests {
  readonly #wire: SendQueue;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #pending = new Map<string, Request>();
  #serial = 0;

  constructor(wire: SendQueue, clock: Clock, timeoutMs: number) {
    this.#wire = wire;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** An id that no other frame of this client has. */
  newId(): string {
    this.#serial += 1;
    return `~${this.#serial}`;
  }

  /**
   * Sends a request, and sends it again after a reconnect. If `repeats` is false, it rejects with
   * `UNAVAILABLE` when the connection is lost. The time counts from this call, also while a promise
   * of the question is pending.
   * @throws ClientError the hub's code, `TIMEOUT`, `CLOSED` or `USER_CHANGED`.
   */
  ask<K extends Question>(question: TypedQuestion<K> | Promise<TypedQuestion<K>>, repeats = true): Promise<Answers[K]> {
    const id = this.newId();
    return new Promise((resolve, reject) => {
      const timer = new Timer(this.#clock, () => this.#take(id)?.reject(new ClientError('TIMEOUT', 'no answer in time', true)));
      const request: Request = {
        frame: undefined,
        repeats,
        timer,
        resolve: resolve as unknown as Request['resolve'],
        reject,
      };
      this.#pending.set(id, request);
      timer.start(this.#timeoutMs);
      const send = (known: TypedQuestion<K>): void => {
        request.frame = { ...known, id } as unknown as ClientFrame;
        this.#send(id, request);
      };
      if (question instanceof Promise) question.then(send, (error) => this.#take(id)?.reject(error));
      else send(question);
    });
  }

  /** Returns whether the frame answers a request. */
  answer(frame: ServerFrame & { readonly id?: string }): boolean {
    const request = this.#take(frame.id);
    request?.resolve(frame);
    return request !== undefined;
  }

  /** Returns whether the error answers a request. */
  fail(frame: ErrorFrame): boolean {
    const request = this.#take(frame.id);
    request?.reject(ClientError.from(frame));
    return request !== undefined;
  }

  lineUp(): void {
    for (const [id, request] of this.#pending) this.#send(id, request);
  }

  lineDown(error: ClientError): void {
    for (const [id, { repeats }] of this.#pending) {
      if (!repeats) this.#take(id)?.reject(error);
    }
  }

  end(error: ClientError): void {
    for (const id of this.#pending.keys()) this.#take(id)?.reject(error);
  }

  #send(id: string, { frame }: Request): void {
    if (frame !== undefined) this.#wire.send(frame, () => this.#pending.has(id));
  }

  #take(id: string | undefined): Request | undefined {
    const request = id === undefined ? undefined : this.#pending.get(id);
    if (id === undefined || request === undefined) return undefined;
    this.#pending.delete(id);
    request.timer.stop();
    return request;
  }
}
