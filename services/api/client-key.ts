import type { FastifyRequest } from 'fastify';
import { addressKey, clientAddress } from '#libs/http/client-address.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** `TRUSTED_PROXY_HOPS`; undefined where no proxy is believed. */
    readonly trustedProxyHops?: number;
  }
}

/** What limits by address go by (`addressKey`). */
export function clientKey({ headers, server, socket }: Pick<FastifyRequest, 'headers' | 'server' | 'socket'>): string {
  const forwardedFor = [headers['x-forwarded-for'] ?? []].flat().join(',');
  return addressKey(clientAddress(socket.remoteAddress ?? '', forwardedFor, server.trustedProxyHops ?? 0));
}
