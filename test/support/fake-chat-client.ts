import type { ChatClient, ChatEvents } from '#services/web/src/chat/state/chat-client.ts';
import type { Message } from '#services/web/src/conversation/timeline.ts';
import type { Timers } from '#services/web/src/conversation/timers.ts';

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** Makes a refusal as the hub or the SDK does. */
export function refusal(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** Makes a message of an old day, `offset` seconds into it. */
export function said(offset: number, text: string, from = 'bob'): { readonly offset: number; readonly message: Message } {
  return {
    offset,
    message: { id: `m${offset}`, from: { id: from, name: from, kind: 'user' }, text, at: Date.UTC(2026, 0, 5, 12) + offset * 1000 },
  };
}

/** A client SDK whose calls are recorded. Each waits until the test answers it. */
export class FakeChatClient implements ChatClient {
  readonly status = { state: 'connected', attempt: 0 } as const;
  readonly welcome = undefined;
  /** Every call, as `name room ...`. */
  readonly calls: string[] = [];
  readonly #waiting = new Map<string, Waiting>();
  readonly #listeners = new Map<string, Set<(event: never) => void>>();
  #ids = 0;

  on<T extends keyof ChatEvents>(type: T, listener: (event: ChatEvents[T]) => void): () => void {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** Emits an event. Members that the chat does not read may be absent. */
  emit<T extends keyof ChatEvents>(type: T, event: Omit<Partial<ChatEvents[T]>, 'type'>): void {
    for (const listener of this.#listeners.get(type) ?? []) (listener as (event: unknown) => void)(event);
  }

  get listeners(): number {
    return [...this.#listeners.values()].reduce((sum, { size }) => sum + size, 0);
  }

  newId(): string {
    this.#ids += 1;
    return `id${this.#ids}`;
  }

  join(room: string) {
    return this.#ask<Awaited<ReturnType<ChatClient['join']>>>(`join ${room}`);
  }

  leave(room: string) {
    return this.#ask<void>(`leave ${room}`);
  }

  send(room: string, text: string, { id }: { readonly id: string }) {
    return this.#ask<Awaited<ReturnType<ChatClient['send']>>>(`send ${room} ${id} ${text}`);
  }

  sendTo(user: string, text: string, { id }: { readonly id: string }) {
    return this.#ask<Awaited<ReturnType<ChatClient['send']>>>(`sendTo ${user} ${id} ${text}`);
  }

  discard(id: string): boolean {
    this.calls.push(`discard ${id}`);
    return true;
  }

  history(room: string, { before, limit }: { readonly before?: number; readonly limit?: number }) {
    return this.#ask<Awaited<ReturnType<ChatClient['history']>>>(`history ${room} ${before} ${limit}`);
  }

  presence(room: string) {
    return this.#ask<Awaited<ReturnType<ChatClient['presence']>>>(`presence ${room}`);
  }

  typing(room: string): void {
    this.calls.push(`typing ${room}`);
  }

  delivered(room: string, offset: number): void {
    this.calls.push(`delivered ${room} ${offset}`);
  }

  /** Answers the call with this text. Resolves when the chat has handled the answer. */
  async answer(call: string, value: unknown = {}): Promise<void> {
    this.#take(call).resolve(value);
    await settled();
  }

  async refuse(call: string, code: string): Promise<void> {
    this.#take(call).reject(refusal(code));
    await settled();
  }

  #ask<T>(call: string): Promise<T> {
    this.calls.push(call);
    return new Promise((resolve, reject) => this.#waiting.set(call, { resolve: resolve as Waiting['resolve'], reject }));
  }

  #take(call: string): Waiting {
    const waiting = this.#waiting.get(call);
    if (waiting === undefined) throw new TypeError(`nobody asked for "${call}", but for ${this.calls.join(', ')}`);
    this.#waiting.delete(call);
    return waiting;
  }
}

/** Resolves when no step is left that can run now. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Timers whose time only the test moves. */
export class FakeTimers implements Timers {
  #now = Date.UTC(2026, 0, 5, 12, 30);
  #tasks: { readonly at: number; readonly run: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, run: () => void): () => void {
    const task = { at: this.#now + milliseconds, run };
    this.#tasks.push(task);
    return () => {
      this.#tasks = this.#tasks.filter((one) => one !== task);
    };
  }

  async pass(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    for (;;) {
      const next = this.#tasks.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at)[0];
      if (next === undefined) break;
      this.#tasks = this.#tasks.filter((one) => one !== next);
      this.#now = next.at;
      next.run();
      await settled();
    }
    this.#now = end;
  }
}
