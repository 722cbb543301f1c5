/** The access log: a line for each request that is chosen, among the lines of the program's log. */
import type { Logger } from './logger.ts';

/** A request that was answered. */
export interface AccessEntry {
  /** The id of the request, a UUID. It decides whether the line is chosen. */
  readonly request: string;
  readonly method: string;
  /** The pattern of the path: never the path itself, which may have a token in it. No query. */
  readonly route: string;
  readonly status: number;
  /** Of the error table, if the request was refused. */
  readonly code?: string | undefined;
  /** Milliseconds from the request to its answer. */
  readonly ms: number;
  /** Of the body of the answer. Undefined: it is not known. */
  readonly bytes?: number | undefined;
  /** The kind of the user, or `service`. Undefined: nobody is known. */
  readonly kind?: string | undefined;
  /** The id of the user, or the name of the service. */
  readonly user?: string | undefined;
  /** The client, as limits by address count it: of an IPv6 address its /64. */
  readonly address: string;
  /** The trace of the request, if it is recorded. */
  readonly trace?: string | undefined;
}

const HASH_DIGITS = 8;
const HASH_RANGE = 16 ** HASH_DIGITS;

/**
 * Writes the access log. A share of all requests has a line. So do all that the hub failed to serve
 * (5xx) and all that are traced, for somebody will look for them. What is refused (4xx) is chosen
 * as any other request: a flood of them does not become a flood of lines.
 */
export class AccessLog {
  readonly #share: number;
  readonly #log: Pick<Logger, 'info'>;

  /** @param share From 0 (excluded: then there is no such log) to 1. */
  constructor(share: number, log: Pick<Logger, 'info'>) {
    this.#share = share;
    this.#log = log;
  }

  /** Writes a line for the request, or none. The id of the request decides, in every program alike. */
  answered(entry: AccessEntry): void {
    if (entry.status < 500 && entry.trace === undefined && !this.#isChosen(entry.request)) return;
    this.#log.info({ ...entry, ms: Math.round(entry.ms * 1000) / 1000 }, 'access');
  }

  /** Version 4 of a UUID: its first digits are random. */
  #isChosen(request: string): boolean {
    return Number.parseInt(request.slice(0, HASH_DIGITS), 16) < this.#share * HASH_RANGE;
  }
}

/** Returns the access log of a program; undefined if `ACCESS_LOG_SAMPLE` is 0. */
export function openAccessLog({ accessLogSample }: { readonly accessLogSample: number }, log: Pick<Logger, 'info'>): AccessLog | undefined {
  return accessLogSample === 0 ? undefined : new AccessLog(accessLogSample, log);
}
