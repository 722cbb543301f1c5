const THIS_MACHINE = /^(?:(?:[a-z0-9-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[?::1\]?|\[?::ffff:127(?:\.\d{1,3}){3}\]?)$/i;

/**
 * Whether a host name or address, without a port, always leads to the machine itself: `localhost` and names below it (RFC 6761, section 6.3), 127.0.0.0/8, `::1`
 * with or without brackets.
 */
export function isThisMachine(host: string): boolean {
  return THIS_MACHINE.test(host);
}
