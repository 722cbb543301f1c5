/** Who asks: the address a request comes from, and what limits by address count it under. */
import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** `1.2.3.4:80`, `[2001:db8::1]`, `[2001:db8::1]:80`: some proxies add the port. */
const BRACKETED = /^\[([^[\]]+)\](?::\d{1,5})?$/;
const WITH_PORT = /^([\d.]+):\d{1,5}$/;
/** How uWebSockets.js writes an IPv4 address that came in on an IPv6 socket. */
const MAPPED = /^(?:0{4}:){5}ffff:([0-9a-f]{2})([0-9a-f]{2}):([0-9a-f]{2})([0-9a-f]{2})$/i;
/** 16-bit groups of the network part that one site of IPv6 has (RFC 6177). */
const SITE_GROUPS = 4;

/**
 * The address of the client: IPv4 in decimals, also where it came mapped into IPv6 (RFC 4291 section 2.5.5.2); IPv6 as RFC 5952 writes it, without a zone.
 *
 * `peer`: the other end of the connection. `forwardedFor`: all lines of `X-Forwarded-For`, joined by commas. `hops`: proxies in front that append to it,
 * each its own peer; the client is that many entries from the end, and whatever stands before may be made up. If fewer entries are there, the first counts.
 * An entry that is no address counts as the peer's own address, for nobody else vouches for it.
 */
export function clientAddress(peer: string, forwardedFor: string, hops: number): string {
  if (hops > 0 && forwardedFor !== '') {
    const chain = forwardedFor.split(',').flatMap((part) => part.trim() || []);
    const entry = chain[Math.max(0, chain.length - hops)];
    const address = entry === undefined ? undefined : canonical(withoutPort(entry));
    if (address !== undefined) return address;
  }
  return canonical(peer) ?? peer;
}

/**
 * What limits by address count an address of `clientAddress` under: an IPv4 address as it is, of an IPv6 one its /64,
 * `2001:db8:0:5`: whoever has one address of it has all.
 */
export function addressKey(address: string): string {
  if (!isIPv6(address)) return address;
  const { parts } = ipaddr.IPv6.parse(address);
  return parts
    .slice(0, SITE_GROUPS)
    .map((group) => group.toString(16))
    .join(':');
}

function withoutPort(entry: string): string {
  return BRACKETED.exec(entry)?.[1] ?? WITH_PORT.exec(entry)?.[1] ?? entry;
}

function canonical(text: string): string | undefined {
  // The two that nearly every peer is.
  const mapped = MAPPED.exec(text);
  if (mapped !== null)
    return mapped
      .slice(1)
      .map((hex) => Number.parseInt(hex, 16))
      .join('.');
  if (isIPv4(text)) return text;
  if (!isIPv6(text)) return undefined;
  const address = ipaddr.IPv6.parse(text.replace(/%.*$/, ''));
  return address.isIPv4MappedAddress() ? address.toIPv4Address().toString() : address.toRFC5952String();
}
