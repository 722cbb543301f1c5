/**
 * Decides which pages may use the hub: its own pages, and those of `ALLOWED_ORIGINS`. Gateway, API
 * and admin pages share this policy (H7).
 */
import { isOriginOfHost, originOf } from '#libs/config/public-url.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { Logger } from '#libs/telemetry/logger.ts';

/** Settings and tools of an `OriginPolicy`. */
export interface OriginPolicyOptions {
  /** `PUBLIC_URL`: its origin is always the hub's own. */
  readonly publicUrl: string | undefined;
  /** `ALLOWED_ORIGINS`, each as a normalised origin. `*` allows every page. */
  readonly allowedOrigins: readonly string[];
  readonly log: Pick<Logger, 'warn'>;
  /** Milliseconds of a steady clock. */
  readonly steady: () => number;
}

/** Milliseconds between two log lines about refusals. Repeated attempts must not fill the log. */
const LOGGED_MS = 60_000;
/** Longest excerpt of a header in a message or log line, characters. */
const SHOWN = 200;

/**
 * Answers questions about the origin of a page (RFC 6454). Throws TypeError for a `publicUrl` that
 * is not a URL.
 */
export class OriginPolicy {
  /** The origin of `PUBLIC_URL` and those of `ALLOWED_ORIGINS`, without `*`. */
  readonly named: readonly string[];
  /** True if every page may send requests, but without cookies: `ALLOWED_ORIGINS` has `*`. */
  readonly any: boolean;
  readonly #own: string | undefined;
  readonly #log: Pick<Logger, 'warn'>;
  readonly #steady: () => number;
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor({ publicUrl, allowedOrigins, log, steady }: OriginPolicyOptions) {
    this.#own = publicUrl === undefined ? undefined : new URL(publicUrl).origin;
    this.any = allowedOrigins.includes('*');
    const others = allowedOrigins.filter((origin) => origin !== '*' && origin !== this.#own);
    this.named = this.#own === undefined ? others : [this.#own, ...others];
    this.#log = log;
    this.#steady = steady;
  }

  /**
   * Returns true if a page is the hub's own: its origin is that of `PUBLIC_URL` or of the requested
   * host.
   */
  isOwn(origin: string, host: string): boolean {
    const asking = originOf(origin);
    return asking !== undefined && (asking === this.#own || isOriginOfHost(asking, host));
  }

  /**
   * Returns true if a page may send the cookies of its user: it is the hub's own, or
   * `ALLOWED_ORIGINS` names its origin. `*` is not enough.
   */
  trusts(origin: string, host: string): boolean {
    const asking = originOf(origin);
    return asking !== undefined && (this.named.includes(asking) || isOriginOfHost(asking, host));
  }

  /** Returns true if a page may connect. */
  allows(origin: string, host: string): boolean {
    return this.any || this.trusts(origin, host);
  }

  /**
   * Returns the `ORIGIN_DENIED` error for a page. Its message names the setting to change. Also
   * writes a log line, at most one a minute.
   *
   * @param host The `Host` header; empty if there is none.
   */
  refusal(origin: string, host: string): HubError {
    const [from, at] = [shown(origin), shown(host)];
    const now = this.#steady();
    if (now - this.#loggedAt >= LOGGED_MS) {
      this.#loggedAt = now;
      const advice = adviceFor(origin, 'PUBLIC_URL to it if it is the address of this hub, or add it to ALLOWED_ORIGINS');
      this.#log.warn({ origin: from, host: at, publicOrigin: this.#own ?? null }, `rejected a page of another origin: ${advice}`);
    }
    const asked = at === '' ? 'the request names no host' : `the requested host is ${at}`;
    return new HubError(
      'ORIGIN_DENIED',
      `The origin ${from} may not connect; ${asked}. ${adviceFor(origin, `PUBLIC_URL to ${from} if that is the address of this hub, or add it to ALLOWED_ORIGINS`)}.`,
    );
  }
}

function adviceFor(origin: string, setting: string): string {
  if (originOf(origin) !== undefined) return `Set ${setting}`;
  return 'ALLOWED_ORIGINS cannot name pages of files or sandboxed frames (origin null): serve the page over https, or from a scheme of its own that ALLOWED_ORIGINS names';
}

/** Returns an excerpt of a header that is safe in a response header and in a log line. */
function shown(header: string): string {
  return header.replace(/[^\x21-\x7e]/g, '?').slice(0, SHOWN);
}
