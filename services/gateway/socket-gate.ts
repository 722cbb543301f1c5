/** Holds the sockets of the public port below the limit of open files: at the limit itself a server can neither accept nor refuse. */
import type { Logger } from '#libs/telemetry/logger.ts';
import { openFiles } from './open-files.ts';

/** Files that stay free for what the backends and the admin port open next. */
const SPARE_FILES = 8;
/** Sockets beyond the connections, so that one that is refused can be told. */
const TALKING_SOCKETS = 4;
/** Counting open files is looking at each: up to so many it is done every second, above only at the start, where the reserve is large. */
const COUNTED_FILES = 16_384;
const COUNT_MS = 1000;
/** A node that stays full says so once a minute. */
const TELL_MS = 60_000;

export interface SocketGateOptions {
  /** Connections that are wanted at most; `Infinity`: no limit. */
  readonly connectionsMax: number;
  /** Files that this process may open; `Infinity`: no limit. */
  readonly filesMax: number;
  /** Open connections now. */
  connections(): number;
  /** A socket was closed before its first request. */
  dropped(): void;
  /** A steady clock, milliseconds. */
  steady(): number;
  readonly log: Logger;
}

export class SocketGate {
  readonly #options: SocketGateOptions;
  /** Open sockets of the public port: raw ones, those of requests, WebSockets. */
  #sockets = 0;
  /** Files that are no such sockets. */
  #others = 0;
  #countedAt = Number.NEGATIVE_INFINITY;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(options: SocketGateOptions) {
    this.#options = options;
    this.#count();
  }

  /** Connections that fit. */
  get connectionsMax(): number {
    return Math.min(this.#options.connectionsMax, this.#socketsMax() - TALKING_SOCKETS);
  }

  /** Whether a further connection has to be refused. */
  get isFull(): boolean {
    this.#count();
    return this.#options.connections() >= this.connectionsMax || this.#sockets >= this.#socketsMax();
  }

  /** A socket was accepted. False: it has to be closed at once, for there is no file for a next one. */
  opened(): boolean {
    this.#count();
    this.#sockets += 1;
    if (this.#sockets <= this.#socketsMax()) return true;
    this.#options.dropped();
    this.tell();
    return false;
  }

  closed(): void {
    this.#sockets -= 1;
  }

  /** Says in the log that somebody was refused. */
  tell(): void {
    const { log, steady, filesMax } = this.#options;
    if (steady() - this.#toldAt < TELL_MS) return;
    this.#toldAt = steady();
    const facts = { connections: this.#options.connections(), connectionsMax: this.connectionsMax, sockets: this.#sockets };
    log.warn(
      { ...facts, ...(Number.isFinite(filesMax) && { openFilesMax: filesMax }) },
      'this node is full: it refuses further connections',
    );
  }

  #socketsMax(): number {
    return this.#options.filesMax - this.#others - SPARE_FILES;
  }

  #count(): void {
    const { filesMax, steady } = this.#options;
    const isFirst = this.#countedAt === Number.NEGATIVE_INFINITY;
    if (!isFirst && (filesMax > COUNTED_FILES || steady() - this.#countedAt < COUNT_MS)) return;
    this.#countedAt = steady();
    const files = openFiles();
    if (files !== undefined) this.#others = Math.max(0, files - this.#sockets);
  }
}
