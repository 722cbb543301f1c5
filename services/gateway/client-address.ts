/** Where a request really comes from. */

/** How uWS writes an IPv4 address that came in on an IPv6 socket: in full, the last two groups are the address. */
const MAPPED = /^(?:0{4}:){5}ffff:([0-9a-f]{2})([0-9a-f]{2}):([0-9a-f]{2})([0-9a-f]{2})$/i;
/** How it writes `::1`. */
const LOOPBACK = /^(?:0{4}:){7}0001$/;

/**
 * The address as text, of an IPv4 client as IPv4; `hops` proxies in front are trusted to have added theirs to `X-Forwarded-For`, counted from its end.
 * `remote`: as uWS tells it.
 */
export function clientAddress(remote: string, forwardedFor: string, hops: number): string {
  if (hops === 0 || forwardedFor === '') return plain(remote);
  const chain = forwardedFor.split(',');
  return chain[Math.max(0, chain.length - hops)]?.trim() || plain(remote);
}

function plain(remote: string): string {
  const groups = MAPPED.exec(remote);
  if (groups !== null)
    return groups
      .slice(1)
      .map((hex) => Number.parseInt(hex, 16))
      .join('.');
  return LOOPBACK.test(remote) ? '::1' : remote;
}
