import type { Certificate } from './certificate.ts';

/**
 * Returns the settings with which redis-server (a server, replica, sentinel or cluster node)
 * listens over TLS on a port and asks clients for no certificate.
 */
export function tlsSettings(port: number, { certFile, keyFile }: Certificate): Readonly<Record<string, string>> {
  return {
    'tls-port': String(port),
    'tls-cert-file': certFile,
    'tls-key-file': keyFile,
    'tls-ca-cert-file': certFile,
    'tls-auth-clients': 'no',
  };
}

/** Returns settings as arguments. */
export function asArguments(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}
