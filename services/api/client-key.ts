import { isIPv6 } from 'node:net';
import type { FastifyRequest } from 'fastify';

/** What limits by address go by: an IPv4 address, or the /64 of an IPv6 one: whoever has one address of it has all. */
export function clientKey({ ip }: Pick<FastifyRequest, 'ip'>): string {
  const plain = ip.replace(/%.*$/, '');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1];
  if (mapped !== undefined) return mapped;
  return isIPv6(plain) ? groups(plain).slice(0, 4).join(':') : plain;
}

function groups(address: string): string[] {
  const [head = '', tail] = address.toLowerCase().split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const gap = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  return [...left, ...Array<string>(gap).fill('0'), ...right].map((group) => group.replace(/^0+(?=.)/, ''));
}
