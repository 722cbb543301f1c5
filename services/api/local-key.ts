/**
 * The key that opens pages of the all-in-one only to the person at the machine: the mail that is
 * not sent, and the admin pages without a password (A13).
 */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isThisMachine } from '#libs/config/public-url.ts';

/** Key and settings of a `LocalKey`. */
export interface LocalKeyOptions {
  /**
   * At least 128 random bits, in characters that may stand in a URL and in a cookie. Fresh at each
   * start.
   */
  readonly key: string;
  /** `PUBLIC_URL`. If it is not this machine, nobody is let in. */
  readonly publicUrl: string | undefined;
  /** `TRUSTED_PROXY_HOPS`. If it is not 0, nobody is let in. */
  readonly trustedProxyHops: number;
}

const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/;
/** Fields that proxies and balancers add to a request. Some add none, therefore the key. */
const OF_A_PROXY =
  /^(?:x-forwarded(?:-.+)?|forwarded|via|x-real-ip|x-client-ip|x-cluster-client-ip|true-client-ip|fastly-client-ip|cf-.+|cdn-loop|x-original-.+|x-envoy-.+|x-amzn-.+|x-arr-.+|x-proxy.*|proxy-.+)$/;

/**
 * Lets in the person at the machine. The link with the key sets a cookie that scripts cannot read,
 * and redirects to the same URL without the key.
 *
 * A request is let in if it has the cookie, comes from this machine, uses a host name of this
 * machine (against DNS rebinding), and has no field of a proxy.
 */
export class LocalKey {
  readonly #key: string;
  readonly #closed: string | undefined;

  constructor({ key, publicUrl, trustedProxyHops }: LocalKeyOptions) {
    this.#key = key;
    const elsewhere = publicUrl !== undefined && !isThisMachine(new URL(publicUrl).hostname);
    this.#closed = elsewhere
      ? 'PUBLIC_URL is not this machine'
      : trustedProxyHops > 0
        ? 'there are proxies in front of it (TRUSTED_PROXY_HOPS)'
        : undefined;
  }

  /** True if the settings let anybody in. */
  get opens(): boolean {
    return this.#closed === undefined;
  }

  /** Returns the URL of a page with the key. */
  linkTo(page: string): string {
    return `${page}?key=${this.#key}`;
  }

  /** Returns the reason to reject a request, as a sentence; undefined if it is let in. */
  refusal(request: FastifyRequest): string | undefined {
    const away = this.#closed ?? strangeness(request);
    if (away !== undefined) return `This page is for the machine itself only: ${away}.`;
    const given = cookieOf(request.headers.cookie, cookieName(request));
    if (given !== undefined && this.#is(given)) return undefined;
    return 'Open the link that npm start printed: it has the key.';
  }

  /**
   * Answers a GET or HEAD with `?key=`: redirects to the same URL without the key, and sets the
   * cookie if the key is right and the request comes from this machine. Returns undefined for any
   * other request.
   *
   * @param path The browser sends the cookie to this path and below.
   */
  exchange(request: FastifyRequest, reply: FastifyReply, path: string): FastifyReply | undefined {
    const [page = '', query = ''] = request.originalUrl.split('?', 2);
    const asked = new URLSearchParams(query);
    const key = asked.get('key');
    if (key === null || (request.method !== 'GET' && request.method !== 'HEAD')) return undefined;
    asked.delete('key');
    const good = (this.#closed ?? strangeness(request)) === undefined && this.#is(key);
    if (good) reply.header('set-cookie', `${cookieName(request)}=${this.#key}; Path=${path}; HttpOnly; SameSite=Strict`);
    // The redirect is relative: a proxy may have removed a prefix of the path.
    const place = `./${page.slice(page.lastIndexOf('/') + 1)}`;
    return reply.header('cache-control', 'no-store').redirect(asked.size === 0 ? place : `${place}?${asked}`, 303);
  }

  /** Compares in constant time: both hashes have the same length. */
  #is(given: string): boolean {
    return timingSafeEqual(createHash('sha256').update(given).digest(), createHash('sha256').update(this.#key).digest());
  }
}

/**
 * Returns the sign that a request is not from the person at this machine; undefined if there is
 * none.
 */
function strangeness({ ip, headers, raw }: FastifyRequest): string | undefined {
  if (!LOOPBACK.test(ip)) return 'the request comes from another machine';
  const host = (headers.host ?? '').replace(/:\d+$/, '');
  if (!isThisMachine(host)) return 'the browser uses another host name';
  // nginx sends HTTP/1.0 to the admin port unless it is configured otherwise, and browsers never
  // do. The hub's port answers HTTP/1.0 with 505.
  if (raw.httpVersion === '1.0' || Object.keys(headers).some((name) => OF_A_PROXY.test(name))) return 'a proxy forwarded the request';
  return undefined;
}

/**
 * Cookies do not distinguish ports (RFC 6265 section 8.5), so each hub on a machine needs a name of
 * its own.
 */
function cookieName({ headers }: FastifyRequest): string {
  return `parley_key_${/:(\d+)$/.exec(headers.host ?? '')?.[1] ?? '80'}`;
}

function cookieOf(header: string | undefined, name: string): string | undefined {
  const cookies = (header ?? '').split(/; */);
  return cookies.find((cookie) => cookie.startsWith(`${name}=`))?.slice(name.length + 1);
}
