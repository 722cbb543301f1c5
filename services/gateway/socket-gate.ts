/**
 * Keeps the sockets of the public port below the limit of open files. Each socket is an open file.
 * At the limit a server can neither accept nor refuse.
 */

import { openFiles } from '#libs/process/open-files.ts';
import type { Logger } from '#libs/telemetry/logger.ts';

/** Files that stay free for the next ones of the backends and the admin port. */
const SPARE_FILES = 8;
/** Sockets above the connections, so that a refused client gets an answer. */
const REFUSAL_SOCKETS = 4;
/**
 * Counting reads every open file. Up to this limit of files the gate counts every second, above it
 * only at start, because the reserve is large.
 */
const COUNTED_FILES = 16_384;
const COUNT_MS = 1000;
/** Milliseconds between two log lines of a full node. */
const LOG_EVERY_MS = 60_000;

/** Options of `SocketGate`. */
export interface SocketGateOptions {
  /** Highest number of connections; `Infinity`: no limit. */
  readonly connectionsMax: number;
  /** Files that this process may open; `Infinity`: no limit. */
  readonly filesMax: number;
  /** Open connections now. */
  connections(): number;
  /** A socket was closed before its first request. */
  dropped(): void;
  /** Milliseconds of a steady clock. */
  steady(): number;
  readonly log: Logger;
}

/** Counts the sockets of the public port. Refuses connections before files run out. */
export class SocketGate {
  readonly #options: SocketGateOptions;
  /** Open sockets of the public port: raw ones, those of requests, WebSockets. */
  #sockets = 0;
  /** Open files that are not such sockets. */
  #others = 0;
  #countedAt = Number.NEGATIVE_INFINITY;
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(options: SocketGateOptions) {
    this.#options = options;
    this.#count();
  }

  /** The number of connections that fit. */
  get connectionsMax(): number {
    return Math.min(this.#options.connectionsMax, this.#socketsMax() - REFUSAL_SOCKETS);
  }

  /** Whether the next connection must be refused. */
  get isFull(): boolean {
    this.#count();
    return this.#options.connections() >= this.connectionsMax || this.#sockets >= this.#socketsMax();
  }

  /**
   * A socket was accepted. Returns false if it must be closed at once, because no file is left for
   * another one.
   */
  opened(): boolean {
    this.#count();
    this.#sockets += 1;
    if (this.#sockets <= this.#socketsMax()) return true;
    this.#options.dropped();
    this.logRefusal();
    return false;
  }

  /** A socket was closed. Pair with `opened`. */
  closed(): void {
    this.#sockets -= 1;
  }

  /** Logs that a client was refused, at most once a minute. */
  logRefusal(): void {
    const { log, steady, filesMax } = this.#options;
    if (steady() - this.#loggedAt < LOG_EVERY_MS) return;
    this.#loggedAt = steady();
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
