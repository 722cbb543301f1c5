import { UsageError } from './scenario.ts';

/** A deployment, or one of its gateways. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  /** The path in front of `/ws/chat`. */
  readonly base: string;
  /** As it was given, without what may be secret. */
  readonly name: string;
}

/** @throws UsageError unless it is a ws or wss address without query and user. */
export function parseTarget(text: string): Target {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new UsageError(`"${text}" is no address. A target looks like wss://chat.example.com or ws://127.0.0.1:8080/chat-below-a-path.`);
  }
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:')
    throw new UsageError(`A target begins with ws:// or wss://, and ${url.protocol}// does not.`);
  if (url.search !== '' || url.username !== '' || url.hash !== '')
    throw new UsageError('A target has no query and no user. Tokens come from the environment or a file: see --tokens.');
  const secure = url.protocol === 'wss:';
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || (secure ? 443 : 80),
    secure,
    base: url.pathname.replace(/\/$/, ''),
    name: url.origin === 'null' ? `${url.protocol}//${url.host}${url.pathname}` : url.href,
  };
}

/** The address of the target's API, without `/api/v1`. */
export function apiOf({ secure, host, port, base }: Target): string {
  return `${secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}${base}`;
}
