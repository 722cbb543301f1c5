/**
 * Reads JSON without changing it: `JSON.parse` and `JSON.stringify` would change some numbers.
 * Every text given here is valid JSON.
 */

/** Most arrays and objects inside each other (F7). Readers may not be able to parse deeper ones. */
export const DEPTH_MAX = 1000;

/** Numbers that a double may not hold: long numbers, numbers with an exponent, and minus zero. */
const DOUBTFUL = /\d[\d.]{15,}|\d[eE]|-0/;

/**
 * Returns the text of a member's value. If several members have this name, the last one counts, as
 * for `JSON.parse`.
 *
 * @param text A JSON object.
 * @param depthMax How deep a member may be nested. Default without a limit: what the hub wrote was
 *   checked where it came in.
 * @throws RangeError if a member is nested deeper.
 */
export function memberText(text: string, name: string, depthMax = Number.POSITIVE_INFINITY): string | undefined {
  let found: string | undefined;
  let at = skipBlanks(text, text.indexOf('{') + 1);
  while (text[at] === '"') {
    const nameEnd = stringEnd(text, at);
    const key = text.slice(at + 1, nameEnd - 1);
    const start = skipBlanks(text, skipBlanks(text, nameEnd) + 1);
    const end = valueEnd(text, start, depthMax);
    if (key === name || (key.includes('\\') && JSON.parse(`"${key}"`) === name)) found = text.slice(start, end);
    at = skipBlanks(text, end);
    if (text[at] !== ',') break;
    at = skipBlanks(text, at + 1);
  }
  return found;
}

/** Returns the texts of the items of an array, in order. */
export function arrayTexts(text: string): string[] {
  const items: string[] = [];
  let at = skipBlanks(text, text.indexOf('[') + 1);
  while (text[at] !== ']' && at < text.length) {
    const end = valueEnd(text, at, Number.POSITIVE_INFINITY);
    items.push(text.slice(at, end));
    at = skipBlanks(text, end);
    if (text[at] === ',') at = skipBlanks(text, at + 1);
  }
  return items;
}

/** Returns the first number that `JSON.parse` would change, as it is written, or undefined. */
export function changedNumber(text: string): string | undefined {
  if (!DOUBTFUL.test(text)) return undefined;
  let changed: string | undefined;
  JSON.parse(text, (_key: string, value: unknown, context?: { readonly source?: string }) => {
    const source = context?.source;
    if (typeof value === 'number' && source !== undefined && !isHeld(value, source)) changed ??= source;
    return value;
  });
  return changed;
}

function isHeld(value: number, source: string): boolean {
  return Number.isFinite(value) && !Object.is(value, -0) && decimal(source) === decimal(String(value));
}

/** One form for all spellings of a number: its digits, and the power of ten of the last digit. */
function decimal(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([-+]?\d+))?$/.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  const kept = digits.replace(/0+$/, '');
  return kept === '' ? '0' : `${sign}${kept}e${Number(exponent) - fraction.length + digits.length - kept.length}`;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  for (let code = text.charCodeAt(at); code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09; code = text.charCodeAt(at))
    at += 1;
  return at;
}

/** Returns the index behind the closing quote of the string that begins at `from`. */
function stringEnd(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text[end - 1 - slashes] === '\\') slashes += 1;
    if (slashes % 2 === 0) return end + 1;
  }
  return text.length;
}

/** Returns the index behind the value that begins at `from`. */
function valueEnd(text: string, from: number, depthMax: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    switch (text[at]) {
      case '"':
        at = stringEnd(text, at) - 1;
        if (depth === 0) return at + 1;
        break;
      case '{':
      case '[':
        depth += 1;
        if (depth > depthMax) throw new RangeError('nested too deeply');
        break;
      case '}':
      case ']':
        // A number or a word ends where the object around it ends.
        if (depth === 0) return at;
        depth -= 1;
        if (depth === 0) return at + 1;
        break;
      case ',':
      case ' ':
      case '\n':
      case '\r':
      case '\t':
        if (depth === 0) return at;
        break;
    }
  }
  return text.length;
}
