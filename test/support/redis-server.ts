import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { Child } from './child.ts';
import { freePort } from './free-port.ts';
import { type RedisReply, redisCommand } from './redis-command.ts';
import { makeFolder, removeFolder } from './temp-folder.ts';
import { until } from './wait.ts';

/** Options of `RedisServer`. */
export interface RedisServerOptions {
  /** More arguments of redis-server, after the launcher's own. */
  readonly args?: readonly string[];
  /** Default: a free one. */
  readonly port?: number;
  /** The folder of its files; the caller removes it. Default: its own, removed by `stop`. */
  readonly dir?: string;
}

const READY_MS = 30_000;

/**
 * A real redis-server on 127.0.0.1 without persistence: data outlives a restart only through
 * `save`. Every method resolves when the effect is real: the process is gone, or PING is answered.
 */
export class RedisServer {
  readonly port: number;
  readonly dir: string;
  readonly #args: readonly string[];
  readonly #ownsDir: boolean;
  #child: Child | undefined;

  private constructor(port: number, options: RedisServerOptions) {
    this.port = port;
    this.#ownsDir = options.dir === undefined;
    this.dir = options.dir ?? makeFolder('parley-redis-');
    this.#args = options.args ?? [];
  }

  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    for (let attempt = 0; ; attempt += 1) {
      const server = new RedisServer(options.port ?? (await freePort()), options);
      try {
        await server.#launch();
        return server;
      } catch (error) {
        await server.stop();
        if (options.port !== undefined || attempt === 4 || !String(error).includes('in use')) throw error;
      }
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** The running process; 0 if there is none. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Its log so far. */
  get output(): string {
    return this.#child?.output ?? '';
  }

  /** Sends SIGKILL. Data that was not saved is lost. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    child?.signal('SIGKILL');
    await child?.exited;
  }

  /** Freezes the process. Connections stay open and get no answer. */
  pause(): void {
    this.#child?.signal('SIGSTOP');
  }

  resume(): void {
    this.#child?.signal('SIGCONT');
  }

  /**
   * Starts it again on the same port with the data on disk (of the last `save`). Kills a running
   * one first.
   */
  async restart(): Promise<void> {
    await this.kill();
    await this.#launch();
  }

  /** Starts it again on the same port without data. */
  async restartEmpty(): Promise<void> {
    await this.kill();
    rmSync(this.#file('dump.rdb'), { force: true });
    await this.#launch();
  }

  /** Writes everything to disk. `restartFromSnapshot` returns to this moment. */
  async save(): Promise<void> {
    await this.command('SAVE');
    copyFileSync(this.#file('dump.rdb'), this.#file('snapshot.rdb'));
  }

  /**
   * Starts it again on the same port with the data of the last `save`: a Redis restored from older
   * data.
   */
  async restartFromSnapshot(): Promise<void> {
    if (!existsSync(this.#file('snapshot.rdb'))) throw new TypeError('save() first');
    await this.kill();
    copyFileSync(this.#file('snapshot.rdb'), this.#file('dump.rdb'));
    await this.#launch();
  }

  /** Runs one command. Rejects on an error reply, or if there is no answer in 5 s. */
  command(...args: readonly (string | number)[]): Promise<RedisReply> {
    return redisCommand(this.port, args);
  }

  /** One field of INFO, e.g. `run_id`. */
  async info(field: string): Promise<string | undefined> {
    const text = String(await this.command('INFO'));
    return text
      .split('\r\n')
      .find((line) => line.startsWith(`${field}:`))
      ?.slice(field.length + 1);
  }

  /** Ends it and removes its files. May be called again. */
  async stop(): Promise<void> {
    await this.kill();
    if (this.#ownsDir) removeFolder(this.dir);
  }

  #file(name: string): string {
    return join(this.dir, name);
  }

  async #launch(): Promise<void> {
    const own = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.dir, '--save', '', '--appendonly', 'no'];
    const child = new Child('redis-server', [...own, '--daemonize', 'no', ...this.#args]);
    this.#child = child;
    await until(
      async () => {
        if (child.ended) return 'ended';
        return (await redisCommand(this.port, ['PING'], 1000)) === 'PONG';
      },
      { timeoutMs: READY_MS, describe: () => `redis-server ready on ${this.port}\n${child.output}` },
    );
    if (child.ended) throw new Error(`redis-server ended at start:\n${child.output}`);
  }
}
