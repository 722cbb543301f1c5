/**
 * Runs the tasks of one key one after the other, in the order of the calls. Tasks of different keys
 * run side by side. A key without a task takes no memory.
 */
export class KeyedQueue {
  readonly #tails = new Map<string, Promise<unknown>>();
  #recorded: Set<string> | undefined;

  /**
   * Starts `task` at once if the key has none, otherwise after the last one has settled. Settles as
   * the task does.
   */
  run<T>(key: string, task: () => Promise<T>): Promise<T> {
    this.#recorded?.add(key);
    const before = this.#tails.get(key);
    const running = before === undefined ? task() : before.then(task, task);
    this.#tails.set(key, running);
    const done = (): void => {
      if (this.#tails.get(key) === running) this.#tails.delete(key);
    };
    running.then(done, done);
    return running;
  }

  /** Starts to record the keys of tasks. */
  record(): void {
    this.#recorded = new Set();
  }

  stopRecording(): void {
    this.#recorded = undefined;
  }

  /**
   * Whether a task of the key is under way or ran since `record`. Then its state is newer than a
   * snapshot from that moment.
   */
  isNewer(key: string): boolean {
    return this.#tails.has(key) || this.#recorded?.has(key) === true;
  }
}
