/** Kinds of setting: how the text of an environment variable becomes a value. */

/** Reads one setting's text. `takes` completes the sentence "PORT takes ...". */
export interface Kind<T> {
  readonly takes: string;
  /** The value, or `undefined` where the text is not one. */
  readonly parse: (text: string) => T | undefined;
}

/** A whole number in a range, both ends included; `step`: a multiple of it. */
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

/** One of a few words. */
export function choice<const T extends string>(...words: readonly T[]): Kind<T> {
  return { takes: words.join(' or '), parse: (text) => words.find((word) => word === text) };
}

/** A switch. */
export const onOff: Kind<boolean> = {
  takes: 'on or off',
  parse: (text) => (text === 'on' ? true : text === 'off' ? false : undefined),
};

/** Text that has a shape. */
export function text(takes: string, shape: RegExp): Kind<string> {
  return { takes, parse: (value) => (shape.test(value) ? value : undefined) };
}

const HOSTS = String.raw`(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?`;
const REDIS_URL = new RegExp(
  String.raw`^rediss?(?:://(?:[^@/\s]*@)?${HOSTS}(?:/\d*)?|\+cluster://(?:[^@/\s]*@)?${HOSTS}(?:,${HOSTS})*/?|\+sentinel://(?:[^@/\s]*@)?${HOSTS}(?:,${HOSTS})*/[^/\s?]+(?:/\d+)?)(?:\?\S*)?$`,
);

/** One Redis, a Sentinel group or a Cluster, told apart by the scheme. */
export const redisUrl: Kind<string> = text(
  'redis://[user:password@]host[:port][/db], redis+sentinel://host:port,.../master-name[/db] or redis+cluster://host:port,... (TLS: rediss)',
  REDIS_URL,
);

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** A URL keys are fetched from. Plain HTTP only from this machine: whoever can change the answer can make tokens. */
export const keySetUrl: Kind<string> = {
  takes: 'an https:// URL (http:// for this machine only)',
  parse: (value) => {
    const url = URL.parse(value);
    if (url === null) return undefined;
    return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.has(url.hostname)) ? url.href : undefined;
  },
};

/** Origins (scheme://host[:port]), comma-separated, normalised; or the one word `*`. */
export const origins: Kind<readonly string[]> = {
  takes: 'origins such as https://chat.example.com, comma-separated, or * alone for any',
  parse: (value) => {
    if (value.trim() === '*') return ['*'];
    const list: string[] = [];
    for (const part of value.split(',')) {
      const url = URL.parse(part.trim());
      const plain = url !== null && /^https?:$/.test(url.protocol) && url.pathname === '/' && !/[?#@*]/.test(part);
      if (!plain) return undefined;
      list.push(url.origin);
    }
    return Object.freeze(list);
  },
};

/** One PostgreSQL. */
export const databaseUrl: Kind<string> = {
  takes: 'postgres://[user:password@]host[:port]/database',
  parse: (value) => {
    const url = URL.parse(value);
    return url !== null && /^postgres(?:ql)?:$/.test(url.protocol) && url.pathname.length > 1 ? value : undefined;
  },
};

/** One mail server. */
export const smtpUrl: Kind<string> = {
  takes: 'smtp://[user:password@]host[:port] (TLS: smtps)',
  parse: (value) => {
    const url = URL.parse(value);
    return url !== null && /^smtps?:$/.test(url.protocol) && url.hostname !== '' ? value : undefined;
  },
};

/** An address of ours as a browser sees it. */
export const publicUrl: Kind<string> = {
  takes: 'an https:// or http:// URL without a path',
  parse: (value) => {
    const url = URL.parse(value);
    return url !== null && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search === '' ? url.origin : undefined;
  },
};

/** A page elsewhere that ours link to. */
export const linkUrl: Kind<string> = {
  takes: 'an https:// or http:// URL without a password',
  parse: (value) => {
    const url = URL.parse(value);
    return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '' ? url.href : undefined;
  },
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

/** A service that calls the API. */
export interface ServiceKey {
  /** Stands in logs and as the sender of what it publishes. */
  readonly name: string;
  readonly key: string;
}

/** `name:key`, comma-separated; names are unique. */
export const serviceKeys: Kind<readonly ServiceKey[]> = {
  takes: 'name:key pairs, comma-separated, each key at least 32 characters of A-Z a-z 0-9 . _ ~ + / = -',
  parse: (value) => {
    const keys: ServiceKey[] = [];
    for (const part of value.split(',')) {
      const match = /^\s*([A-Za-z0-9._-]{1,64}):([A-Za-z0-9._~+/=-]{32,})\s*$/.exec(part);
      if (match === null) return undefined;
      keys.push({ name: match[1] ?? '', key: match[2] ?? '' });
    }
    return new Set(keys.map(({ name }) => name)).size === keys.length ? Object.freeze(keys) : undefined;
  },
};
