import type { Certificate } from './certificate.ts';

/** What redis-server, as a server, replica, sentinel or node of a Cluster, takes to listen at a port over TLS and to ask for no certificate of a client. */
export function tlsSettings(port: number, { certFile, keyFile }: Certificate): Readonly<Record<string, string>> {
  return {
    'tls-port': String(port),
    'tls-cert-file': certFile,
    'tls-key-file': keyFile,
    'tls-ca-cert-file': certFile,
    'tls-auth-clients': 'no',
  };
}

/** Settings as arguments. */
export function asArguments(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}
