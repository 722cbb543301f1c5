/** Kinds of settings. Each parses the text of an environment variable. */
import { parseDatabaseUrl } from './database-url.ts';
import { originOf, whyNoOrigin } from './public-url.ts';
import { parseRedisUrl } from './redis-url.ts';
import { parseSmtpUrl } from './smtp-url.ts';
import { UrlError } from './url.ts';

/** Parses the text of one setting. `takes` completes the sentence "PORT takes ...". */
export interface Kind<T> {
  readonly takes: string;
  /**
   * Returns the value, or `undefined` if the text is not valid.
   * @throws UrlError that says why the text is not valid.
   */
  readonly parse: (text: string) => T | undefined;
}

/** A whole number from `min` to `max`, both included. `step`: it must be a multiple of this. */
export function integer(min: number, max: number, step = 1): Kind<number> {
  return {
    takes: `a whole number from ${min} to ${max}${step === 1 ? '' : `, a multiple of ${step}`}`,
    parse: (text) => {
      if (!/^\d{1,15}$/.test(text)) return undefined;
      const value = Number(text);
      return value >= min && value <= max && value % step === 0 ? value : undefined;
    },
  };
}

/** A number from 0 to 1, both included. */
export const fraction: Kind<number> = {
  takes: 'a number from 0 to 1',
  parse: (text) => (/^(?:0|1|0?\.\d{1,12}|1\.0{1,12})$/.test(text) ? Number(text) : undefined),
};

/** `name=value` pairs, comma-separated, percent-encoded (W3C Baggage, as OpenTelemetry writes it). */
export function pairs(names: RegExp): Kind<Readonly<Record<string, string>>> {
  return {
    takes: 'name=value pairs, comma-separated, percent-encoded',
    parse: (text) => {
      const found: Record<string, string> = {};
      for (const part of text.split(',')) {
        const [, name = '', value = ''] = /^\s*([^\s=]+)\s*=\s*([^\p{Cc}]*?)\s*$/u.exec(part) ?? [];
        if (!names.test(name)) return undefined;
        try {
          found[name] = decodeURIComponent(value);
        } catch {
          return undefined;
        }
      }
      return Object.freeze(found);
    },
  };
}

/** One of several words. */
export function choice<const T extends string>(...words: readonly T[]): Kind<T> {
  return { takes: words.join(' or '), parse: (text) => words.find((word) => word === text) };
}

/** `on` or `off`. */
export const onOff: Kind<boolean> = {
  takes: 'on or off',
  parse: (text) => (text === 'on' ? true : text === 'off' ? false : undefined),
};

/** A text that matches a pattern. */
export function text(takes: string, shape: RegExp): Kind<string> {
  return { takes, parse: (value) => (shape.test(value) ? value : undefined) };
}

/**
 * A URL that `parse` accepts. The value is the text itself, so that a password stands in one place.
 */
function url(takes: string, parse: (value: string) => unknown): Kind<string> {
  return {
    takes,
    parse: (value) => {
      parse(value);
      return value;
    },
  };
}

/** One Redis, a Sentinel group or a Cluster. The scheme decides. */
export const redisUrl: Kind<string> = url(
  'redis://[user:password@]host[:port][/db], redis+sentinel://host:port,.../master-name[/db] or redis+cluster://host:port,... (TLS: rediss)',
  parseRedisUrl,
);

/** One PostgreSQL, or several, one of which takes writes. */
export const databaseUrl: Kind<string> = url('postgres://[user:password@]host[:port][,host...]/database', parseDatabaseUrl);

/** One mail server. */
export const smtpUrl: Kind<string> = url('smtp://[user:password@]host[:port] (TLS: smtps)', parseSmtpUrl);

/**
 * Parses an http or https URL. Stricter than `URL`, which corrects spaces, backslashes, a missing
 * slash and a stray %. Refuses a user and a password: browsers and `fetch` do not accept them.
 *
 * @throws UrlError
 */
function webUrl(text: string): URL | undefined {
  if (!/^https?:\/\/[^/]/i.test(text)) return undefined;
  if (/[\p{Cc}\p{Z}\\]/u.test(text)) throw new UrlError('a URL has no spaces, control characters or backslashes');
  if (/%(?![0-9a-f]{2})/i.test(text)) throw new UrlError('a % that begins no character is written %25');
  const parsed = URL.parse(text);
  if (parsed === null) return undefined;
  if (parsed.username !== '' || parsed.password !== '') throw new UrlError('it must have no user and no password');
  return parsed;
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * The URL of a key set. Plain HTTP only from this machine: an attacker who can change the answer
 * can make tokens.
 */
export const keySetUrl: Kind<string> = {
  takes: 'an https:// URL (http:// for this machine only)',
  parse: (value) => {
    const url = webUrl(value);
    if (url === undefined) return undefined;
    if (value.includes('#')) throw new UrlError('the part after a # is never sent: leave it out');
    return url.protocol === 'https:' || LOOPBACK.has(url.hostname) ? url.href : undefined;
  },
};

/**
 * Origins (`scheme://host[:port]`), comma-separated and normalised; or `*` alone. An invalid one
 * throws `UrlError` that names it.
 */
export const origins: Kind<readonly string[]> = {
  takes: 'origins such as https://chat.example.com or capacitor://localhost, comma-separated, or * alone for any',
  parse: (value) => {
    if (value.trim() === '*') return ['*'];
    const list = value.split(',').map((part) => {
      const origin = originOf(part.trim());
      if (origin === undefined) throw new UrlError(`${JSON.stringify(part.trim())} ${whyNoOrigin(part.trim())}`);
      return origin;
    });
    return Object.freeze(list);
  },
};

/** The characters of the path of `PUBLIC_URL`. It stands unescaped in cookies and in addresses. */
const BASE_PATH = /^(?:\/[A-Za-z0-9._~-]+)*\/?$/;

/** The hub's address as browsers see it, without a slash at its end. */
export const publicUrl: Kind<string> = {
  takes: 'an https:// or http:// URL, maybe with a path of A-Z a-z 0-9 . _ ~ - and slashes',
  parse: (value) => {
    const url = webUrl(value);
    if (url === undefined || /[?#]/.test(value) || !BASE_PATH.test(url.pathname)) return undefined;
    return url.origin + url.pathname.replace(/\/$/, '');
  },
};

/** A page of another site to which our pages link. */
export const linkUrl: Kind<string> = {
  takes: 'an https:// or http:// URL without a password',
  parse: (value) => webUrl(value)?.href,
};

/** Comma-separated texts. */
export function list(things: string): Kind<readonly string[]> {
  return {
    takes: `${things}, comma-separated`,
    parse: (value) => {
      const parts = value.split(',').map((part) => part.trim());
      return parts.some((part) => part === '' || part.includes('\0')) ? undefined : Object.freeze(parts);
    },
  };
}

/** Secrets that are valid at the same time, comma-separated, each once. */
export const secrets: Kind<readonly string[]> = {
  takes: 'a secret of at least 32 bytes, or several, comma-separated',
  parse: (value) => {
    const parts = value.split(',').map((part) => part.trim());
    const bad = parts.some((part) => part === '' || part.includes('\0')) || new Set(parts).size < parts.length;
    return bad ? undefined : Object.freeze(parts);
  },
};

/** Whether customers may enter: all, none, or those of these channels. */
export type CustomerDoor = boolean | readonly string[];

/** The pattern of a channel's name (A5), without anchors. */
export const CHANNEL = '[A-Za-z0-9._:-]{1,64}';
const CHANNELS = new RegExp(`^${CHANNEL}$`);

/** `on`, `off`, or names of channels, comma-separated. */
export const customerDoor: Kind<CustomerDoor> = {
  takes: 'on, off, or channels of 1 to 64 of A-Z a-z 0-9 . _ : -, comma-separated',
  parse: (value) => {
    const whole = onOff.parse(value);
    if (whole !== undefined) return whole;
    const channels = value.split(',').map((part) => part.trim());
    return channels.every((channel) => CHANNELS.test(channel) && onOff.parse(channel) === undefined) ? Object.freeze(channels) : undefined;
  },
};

/** A service that calls the API. */
export interface ServiceKey {
  /** Its name in logs, and as the sender of its messages. */
  readonly name: string;
  readonly key: string;
}

/** `name:key`, comma-separated. A name may have several keys, each once. */
export const serviceKeys: Kind<readonly ServiceKey[]> = {
  takes: 'name:key pairs, comma-separated, each key at least 32 characters of A-Z a-z 0-9 . _ ~ + / = -',
  parse: (value) => {
    const keys: ServiceKey[] = [];
    for (const part of value.split(',')) {
      const match = /^\s*([A-Za-z0-9._-]{1,64}):([A-Za-z0-9._~+/=-]{32,})\s*$/.exec(part);
      if (match === null) return undefined;
      keys.push({ name: match[1] ?? '', key: match[2] ?? '' });
    }
    return new Set(keys.map(({ name, key }) => `${name}:${key}`)).size === keys.length ? Object.freeze(keys) : undefined;
  },
};
