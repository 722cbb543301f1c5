/** The key of what the all-in-one shows to the person at the machine alone: mail that is not sent, and the admin pages without a password. */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isThisMachine } from '#libs/config/public-url.ts';

export interface LocalKeyOptions {
  /** At least 128 random bits, as characters that may stand in an address and in a cookie. Made at each start. */
  readonly key: string;
  /** `PUBLIC_URL`: where it is not this machine, nothing opens. */
  readonly publicUrl: string | undefined;
  /** `TRUSTED_PROXY_HOPS`: with proxies in front nothing opens. */
  readonly trustedProxyHops: number;
}

const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/;
/** What proxies and balancers add to a request. Some add nothing: therefore the key. */
const OF_A_PROXY =
  /^(?:x-forwarded(?:-.+)?|forwarded|via|x-real-ip|x-client-ip|x-cluster-client-ip|true-client-ip|fastly-client-ip|cf-.+|cdn-loop|x-original-.+|x-envoy-.+|x-amzn-.+|x-arr-.+|x-proxy.*|proxy-.+)$/;

/**
 * The address with the key is exchanged at once for a cookie that no script can read, and leaves the address bar. A request is let in with the cookie, from
 * this machine, under a name of this machine (against DNS rebinding), without any sign of a proxy.
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

  /** Whether anybody is let in at all. */
  get opens(): boolean {
    return this.#closed === undefined;
  }

  /** The address of a page with the key. */
  linkTo(page: string): string {
    return `${page}?key=${this.#key}`;
  }

  /** Why a request is not let in, as a sentence; undefined if it is. */
  refusal(request: FastifyRequest): string | undefined {
    const away = this.#closed ?? strangeness(request);
    if (away !== undefined) return `This is shown on the machine itself only: ${away}.`;
    const given = cookieOf(request.headers.cookie, cookieName(request));
    if (given !== undefined && this.#is(given)) return undefined;
    return 'Open the link that npm start printed: it has the key.';
  }

  /**
   * Answers a request that has `?key=`: sets the cookie where the key is right and the request from this machine, and leads to the same address without the key.
   * Undefined if there is none. `path`: below it the cookie is sent.
   */
  exchange(request: FastifyRequest, reply: FastifyReply, path: string): FastifyReply | undefined {
    const [page = '', query = ''] = request.originalUrl.split('?', 2);
    const asked = new URLSearchParams(query);
    const key = asked.get('key');
    if (key === null || (request.method !== 'GET' && request.method !== 'HEAD')) return undefined;
    asked.delete('key');
    const good = (this.#closed ?? strangeness(request)) === undefined && this.#is(key);
    if (good) reply.header('set-cookie', `${cookieName(request)}=${this.#key}; Path=${path}; HttpOnly; SameSite=Strict`);
    // Relative: a proxy may have taken the path off that the browser knows.
    const place = `./${page.slice(page.lastIndexOf('/') + 1)}`;
    return reply.header('cache-control', 'no-store').redirect(asked.size === 0 ? place : `${place}?${asked}`, 303);
  }

  /** In constant time: hashes have one length. */
  #is(given: string): boolean {
    return timingSafeEqual(createHash('sha256').update(given).digest(), createHash('sha256').update(this.#key).digest());
  }
}

/** What tells that a request is not of the person at this machine. */
function strangeness({ ip, headers, raw }: FastifyRequest): string | undefined {
  if (!LOOPBACK.test(ip)) return 'the request comes from elsewhere';
  const host = (headers.host ?? '').replace(/:\d+$/, '');
  if (!isThisMachine(host)) return 'its address has another name in the browser';
  // nginx asks the admin port so unless it is told otherwise, and browsers never do. The hub's port answers 505 to HTTP/1.0.
  if (raw.httpVersion === '1.0' || Object.keys(headers).some((name) => OF_A_PROXY.test(name))) return 'a proxy passed the request on';
  return undefined;
}

/** Cookies know no ports: hubs beside each other on one machine have one each. */
function cookieName({ headers }: FastifyRequest): string {
  return `parley_key_${/:(\d+)$/.exec(headers.host ?? '')?.[1] ?? '80'}`;
}

function cookieOf(header: string | undefined, name: string): string | undefined {
  const cookies = (header ?? '').split(/; */);
  return cookies.find((cookie) => cookie.startsWith(`${name}=`))?.slice(name.length + 1);
}
