/** Finds the address of a client behind proxies, and the key under which limits count it. */
import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Some proxies append the port: `1.2.3.4:80`, `[2001:db8::1]`, `[2001:db8::1]:80`. */
const BRACKETED = /^\[([^[\]]+)\](?::\d{1,5})?$/;
const WITH_PORT = /^([\d.]+):\d{1,5}$/;
/** uWebSockets.js writes the IPv4 address of a peer on an IPv6 socket in this form. */
const MAPPED = /^(?:0{4}:){5}ffff:([0-9a-f]{2})([0-9a-f]{2}):([0-9a-f]{2})([0-9a-f]{2})$/i;
/** 16-bit groups in the network part of an IPv6 site: a /64 (RFC 6177). */
const SITE_GROUPS = 4;

/**
 * Returns the address of the client. IPv4 is in decimals, even if it is mapped into IPv6 (RFC 4291
 * section 2.5.5.2). IPv6 has the form of RFC 5952, without a zone.
 *
 * Each proxy appends the address of its own peer to `X-Forwarded-For`. So the client's entry is the
 * one `hops` from the end; the client can forge the entries before it. If there are fewer entries,
 * the first one counts. If the entry is not an address, the result is `peer`.
 *
 * Example: with two proxies, `6.6.6.6, 1.2.3.4, 10.0.0.1` gives `1.2.3.4`. The client may have
 * forged `6.6.6.6`.
 *
 * @param peer The other end of the connection.
 * @param forwardedFor All lines of `X-Forwarded-For`, joined by commas.
 * @param hops The number of trusted proxies in front.
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
 * Returns the key under which limits count an address of `clientAddress`: an IPv4 address itself,
 * or the /64 of an IPv6 address (`2001:db8:0:5`). A client with one address of a /64 can use all of
 * them.
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
  // Nearly every peer has one of the first two forms.
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
