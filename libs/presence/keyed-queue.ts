/**
 * Runs the tasks of one key one after the other, in the order of the calls; those of different keys side by side. Holds nothing for a key
 * without a task.
 */
export class KeyedQueue {
  readonly #tails = new Map<string, Promise<unknown>>();
  #recorded: Set<string> | undefined;

  /** Starts `task` at once where the key has none, else after the last one, whatever became of that. Settles as the task does. */
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

  /** Starts to note which keys are run. */
  record(): void {
    this.#recorded = new Set();
  }

  stopRecording(): void {
    this.#recorded = undefined;
  }

  /** Whether a task of the key is under way, or was run since `record`: its state is newer than any picture taken then. */
  isNewer(key: string): boolean {
    return this.#tails.has(key) || this.#recorded?.has(key) === true;
  }
}
