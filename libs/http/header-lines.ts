/** The header lines of one request as they came, and what of them is no request at all. */

/** Lists whose lines are joined by something else than a comma: `Cookie` (RFC 9113 section 8.2.3). */
const JOINED_BY: Readonly<Record<string, string>> = { cookie: '; ' };

/** Fields that are no lists: a second line means that somebody between reads another one than we do. */
const SINGLE: ReadonlySet<string> = new Set([
  'authorization',
  'content-length',
  'content-type',
  'host',
  'origin',
  'sec-websocket-key',
  'sec-websocket-version',
]);

/** Header lines in the order they came. Names are in lower case, values without the blanks around them. */
export class HeaderLines {
  readonly #lines: (readonly [name: string, value: string])[] = [];

  /** From names and values in turn, as Node's `rawHeaders`. */
  static fromRaw(raw: readonly string[]): HeaderLines {
    const lines = new HeaderLines();
    for (let at = 0; at + 1 < raw.length; at += 2) lines.add(raw[at]?.toLowerCase() ?? '', raw[at + 1] ?? '');
    return lines;
  }

  add(name: string, value: string): void {
    this.#lines.push([name, value]);
  }

  /** All lines of a field as one list (RFC 9110 section 5.3); '' where there is none. */
  get(name: string): string {
    let joined: string | undefined;
    for (const [one, value] of this.#lines) {
      if (one === name) joined = joined === undefined ? value : `${joined}${JOINED_BY[name] ?? ', '}${value}`;
    }
    return joined ?? '';
  }

  /** The first line of a field; undefined if there is none. */
  first(name: string): string | undefined {
    return this.#lines.find(([one]) => one === name)?.[1];
  }

  has(name: string): boolean {
    return this.#lines.some(([one]) => one === name);
  }

  [Symbol.iterator](): Iterator<readonly [name: string, value: string]> {
    return this.#lines[Symbol.iterator]();
  }

  /** Whether a list has a member, whatever the case of its letters. */
  lists(name: string, member: string): boolean {
    return this.get(name)
      .split(',')
      .some((one) => one.trim().toLowerCase() === member);
  }

  /** A field that may stand once and came several times; undefined if there is none. */
  repeated(): string | undefined {
    const seen = new Set<string>();
    for (const [name] of this.#lines) {
      if (!SINGLE.has(name)) continue;
      if (seen.has(name)) return name;
      seen.add(name);
    }
    return undefined;
  }
}

/**
 * Why two servers may read these lines in two ways, as a sentence; undefined if all is well. RFC 9110 sections 5.3 and 7.8, RFC 9112
 * sections 3.2 and 6.1 to 6.3, RFC 6454 section 7.3.
 */
export function faultOf(method: string, lines: HeaderLines): string | undefined {
  const repeated = lines.repeated();
  return repeated === undefined ? framingFault(method, lines) : `the header ${repeated} came several times`;
}

/** The part of `faultOf` that leaves in doubt where a request ends: nothing after such a head may be read. */
export function framingFault(method: string, lines: HeaderLines): string | undefined {
  if (lines.has('transfer-encoding')) {
    if (lines.has('content-length')) return 'a request has Content-Length or Transfer-Encoding, not both';
    if (lines.get('transfer-encoding').toLowerCase() !== 'chunked') return 'the one Transfer-Encoding taken is chunked';
  }
  if (lines.has('content-length') && !/^\d+$/.test(lines.get('content-length'))) return 'Content-Length is one whole number';
  if (method !== 'GET' && lines.lists('upgrade', 'websocket')) return 'a WebSocket upgrade is a GET';
  return undefined;
}
