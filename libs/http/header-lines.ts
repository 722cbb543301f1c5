/**
 * The header lines of one request in their order, and the faults that make the hub reject a
 * request.
 */

/**
 * Fields whose lines are not joined by a comma, with their separator: `Cookie` (RFC 9113 section
 * 8.2.3).
 */
const JOINED_BY: Readonly<Record<string, string>> = { cookie: '; ' };

/** Fields that are not lists. If one is repeated, a proxy may read another line than the hub. */
const SINGLE: ReadonlySet<string> = new Set([
  'authorization',
  'content-length',
  'content-type',
  'host',
  'origin',
  'sec-websocket-key',
  'sec-websocket-version',
]);

/**
 * Header lines in the order of the request. Names are in lower case. Values have no spaces around
 * them.
 */
export class HeaderLines {
  readonly #lines: (readonly [name: string, value: string])[] = [];

  /**
   * Reads the `rawHeaders` of Node.
   *
   * @param raw Names and values in turn.
   */
  static fromRaw(raw: readonly string[]): HeaderLines {
    const lines = new HeaderLines();
    for (let at = 0; at + 1 < raw.length; at += 2) lines.add(raw[at]?.toLowerCase() ?? '', raw[at + 1] ?? '');
    return lines;
  }

  /** Appends a line. The name must be in lower case. */
  add(name: string, value: string): void {
    this.#lines.push([name, value]);
  }

  /** Returns all lines of a field as one list (RFC 9110 section 5.3); '' if there is none. */
  get(name: string): string {
    let joined: string | undefined;
    for (const [one, value] of this.#lines) {
      if (one === name) joined = joined === undefined ? value : `${joined}${JOINED_BY[name] ?? ', '}${value}`;
    }
    return joined ?? '';
  }

  /** Returns the first line of a field; undefined if there is none. */
  first(name: string): string | undefined {
    return this.#lines.find(([one]) => one === name)?.[1];
  }

  /** Returns true if the field has a line. */
  has(name: string): boolean {
    return this.#lines.some(([one]) => one === name);
  }

  /** Iterates over all lines in their order. */
  [Symbol.iterator](): Iterator<readonly [name: string, value: string]> {
    return this.#lines[Symbol.iterator]();
  }

  /**
   * Returns true if a list field has this member. `member` must be in lower case; the case of the
   * field does not matter.
   */
  lists(name: string, member: string): boolean {
    return this.get(name)
      .split(',')
      .some((one) => one.trim().toLowerCase() === member);
  }

  /**
   * Returns the name of the first field that is repeated and not a list; undefined if there is
   * none.
   */
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
 * Returns the reason why two servers may read these lines differently, as a sentence; undefined if
 * there is none. RFC 9110 sections 5.3 and 7.8, RFC 9112 sections 3.2 and 6.1 to 6.3, RFC 6454
 * section 7.3.
 */
export function faultOf(method: string, lines: HeaderLines): string | undefined {
  const repeated = lines.repeated();
  return repeated === undefined ? framingFault(method, lines) : `the header ${repeated} occurs more than once`;
}

/**
 * Returns the faults of `faultOf` that leave the end of the request unclear. If there is one, no
 * further request may be read from the connection.
 */
export function framingFault(method: string, lines: HeaderLines): string | undefined {
  if (lines.has('transfer-encoding')) {
    if (lines.has('content-length')) return 'a request must not have both Content-Length and Transfer-Encoding';
    if (lines.get('transfer-encoding').toLowerCase() !== 'chunked') return 'the only Transfer-Encoding accepted is chunked';
  }
  if (lines.has('content-length') && !/^\d+$/.test(lines.get('content-length'))) return 'Content-Length must be one whole number';
  if (method !== 'GET' && lines.lists('upgrade', 'websocket')) return 'a WebSocket upgrade must be a GET';
  return undefined;
}
