/**
 * Keeps the sockets of the public port below the limit of open files. Each socket is an open file.
 * At the limit a server can neither accept nor refuse.
 */

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { ConfigError } from '#libs/config/config.ts';
import type { Logger } from '#libs/telemetry/logger.ts';

/** Files reserved for the admin port, the backends and the log: the larger of the two values. */
const RESERVE_MIN = 64;
const RESERVE_SHARE = 0.02;

/**
 * Returns the limit of open files of this process; `Infinity` if there is none. Node raises its
 * soft limit to the hard one at start.
 */
export function openFilesLimit(): number {
  let limit: string | undefined;
  try {
    limit = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  } catch {
    limit = execFileSync('/bin/sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim();
  }
  const files = Number(limit);
  return Number.isSafeInteger(files) ? files : Number.POSITIVE_INFINITY;
}

/** Returns the number of open files; undefined if it cannot be read. O(open files). */
export function openFiles(): number | undefined {
  try {
    return readdirSync('/dev/fd').length;
  } catch {
    return undefined;
  }
}

function reserveOf(limit: number): number {
  return Math.max(RESERVE_MIN, Math.ceil(limit * RESERVE_SHARE));
}

/**
 * Returns the number of connections that a process with this limit of open files may have. That is
 * `wanted`, or the limit less the reserve if `wanted` is 0. A limit of 1,024 files leaves 960
 * connections, one of 100,000 leaves 98,000.
 *
 * @throws ConfigError if `wanted` is higher, or if the limit leaves no connection.
 */
export function connectionsFor(wanted: number, limit: number): number {
  if (limit === Number.POSITIVE_INFINITY) return wanted === 0 ? limit : wanted;
  const reserve = reserveOf(limit);
  const most = limit - reserve;
  if (most < 1)
    throw new ConfigError([
      `This process may open ${limit} files, and ${reserve} are reserved for other uses than connections: raise the limit (ulimit -n, LimitNOFILE).`,
    ]);
  if (wanted > most)
    throw new ConfigError([
      `CONNECTIONS_MAX takes at most ${most} here, not ${wanted}: this process may open ${limit} files, and ${reserve} are reserved for other uses. Raise the limit (ulimit -n, LimitNOFILE) or lower CONNECTIONS_MAX.`,
    ]);
  return wanted === 0 ? most : wanted;
}

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
