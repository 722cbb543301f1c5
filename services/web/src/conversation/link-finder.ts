/** Finds the web and mail addresses in a text. */

/** A piece of a text: plain, or a link. */
export type TextPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'link'; readonly text: string; readonly href: string };

interface Link {
  readonly start: number;
  readonly end: number;
  readonly href: string;
}

/**
 * A run of characters that an address may have. It ends at blanks, quotes, brackets of markup,
 * controls, invisible characters, CJK punctuation and full-width brackets.
 */
const TOKEN =
  /[^\s<>"`{}|\\^\p{Cc}\p{Cf}«»‹›“”‘’„…\u3001-\u3003\u3008-\u301f\u3030\u303d\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]+/gu;

/** The beginning of a web address. */
const WEB = /(?<![A-Za-z0-9_])https?:\/\/|(?<![A-Za-z0-9_@./-])www\./gi;

/** The part of a host that ends a name in Latin letters: `.com`. */
const LATIN_HOST = /[A-Za-z0-9.-]*\.[A-Za-z]{2,63}(?![A-Za-z0-9.-])/y;

/** Letters of scripts that are written without blanks. A word in them may follow an address. */
const UNSPACED = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;

/** Punctuation that ends a sentence, not an address. */
const TRAILING = ".,:;!?'";
const OPENING: Readonly<Record<string, string>> = { ')': '(', ']': '[' };

/** RFC 5321 section 4.5.3.1. */
const LOCAL_MAX = 64;
const DOMAIN_MAX = 253;

/**
 * Splits a text into plain pieces and links. Links are addresses of http and https, names that
 * begin with `www.` (as https), and mail addresses. Takes time linear in the length of the text: no
 * character is read more than a fixed number of times.
 */
export function textParts(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    for (const link of linksOf(token)) {
      if (index + link.start > end) parts.push({ kind: 'text', text: text.slice(end, index + link.start) });
      end = index + link.end;
      parts.push({ kind: 'link', text: text.slice(index + link.start, end), href: link.href });
    }
  }
  if (end < text.length) parts.push({ kind: 'text', text: text.slice(end) });
  return parts;
}

function linksOf(token: string): Link[] {
  const links: Link[] = [];
  let done = 0;
  WEB.lastIndex = 0;
  for (let found = WEB.exec(token); found !== null; found = WEB.exec(token)) {
    const { index } = found;
    if (index > done) addMailLinks(links, token, done, index);
    const cut = cjkAfterHost(token, WEB.lastIndex);
    done = withoutEnd(token, index, cut ?? token.length);
    const href = webAddress(token.slice(index, done));
    if (href !== undefined) links.push({ start: index, end: done, href });
    // A part of an address that hides its host must not become a link.
    else if (cut === undefined) done = token.length;
    WEB.lastIndex = done;
  }
  if (done < token.length) addMailLinks(links, token, done, token.length);
  return links;
}

/** The end of a host in Latin letters, if a word in CJK letters follows it: `example.com谢谢`. */
function cjkAfterHost(token: string, host: number): number | undefined {
  LATIN_HOST.lastIndex = host;
  if (!LATIN_HOST.test(token)) return undefined;
  const end = LATIN_HOST.lastIndex;
  return startsUnspaced(token, end) ? end : undefined;
}

function startsUnspaced(token: string, at: number): boolean {
  return token.charCodeAt(at) > 0x7f && UNSPACED.test(token.slice(at, at + 2));
}

/** Leaves out punctuation at the end, and a closing bracket that was opened before the address. */
function withoutEnd(token: string, start: number, tokenEnd: number): number {
  let end = tokenEnd;
  /** How many more brackets of a kind are closed than opened. */
  const unopened = new Map<string, number>();
  for (; end > start; end -= 1) {
    const last = token[end - 1] ?? '';
    const opening = OPENING[last];
    if (opening === undefined) {
      if (!TRAILING.includes(last)) break;
      continue;
    }
    const surplus = unopened.get(last) ?? count(token, last, start, end) - count(token, opening, start, end);
    if (surplus <= 0) break;
    unopened.set(last, surplus - 1);
  }
  return end;
}

function count(token: string, character: string, start: number, end: number): number {
  let found = 0;
  for (let at = token.indexOf(character, start); at >= 0 && at < end; at = token.indexOf(character, at + 1)) found += 1;
  return found;
}

/**
 * The address as the browser reads it. Undefined if it is not valid, or contains a user name or
 * password: those can hide its real host.
 */
function webAddress(address: string): string | undefined {
  const isName = /^www\./i.test(address);
  let url: URL;
  try {
    url = new URL(isName ? `https://${address}` : address);
  } catch {
    return undefined;
  }
  const { protocol, username, password, hostname, href } = url;
  if ((protocol !== 'http:' && protocol !== 'https:') || username !== '' || password !== '' || hostname === '') return undefined;
  return isName && !isDomain(hostname, 3) ? undefined : href;
}

/** Adds the mail addresses between two places of a token. */
function addMailLinks(links: Link[], token: string, from: number, to: number): void {
  let done = from;
  for (let at = token.indexOf('@', from); at >= 0 && at < to; at = token.indexOf('@', at + 1)) {
    const start = localStart(token, done, at);
    const end = start === undefined ? at : domainEnd(token, at + 1, to);
    if (start === undefined || end === undefined || end === at) continue;
    const href = `mailto:${encodeURIComponent(token.slice(start, at))}${token.slice(at, end)}`;
    links.push({ start, end, href });
    done = end;
  }
}

/** The beginning of the part before the `@`. Undefined if there is none, or if it is not whole. */
function localStart(token: string, from: number, at: number): number | undefined {
  let start = at;
  while (start > from && at - start <= LOCAL_MAX && /[\w.%+'-]/.test(token[start - 1] ?? '')) start -= 1;
  const before = token.slice(Math.max(start - 2, 0), start);
  while (start < at && !/[A-Za-z0-9_+]/.test(token[start] ?? '')) start += 1;
  if (start === at || at - start > LOCAL_MAX || token[at - 1] === '.') return undefined;
  // The letters before it belong to it, or a path does: `müller@`, `ftp://user@`.
  const isCut =
    /[\p{L}\p{N}\p{M}/@]$/u.test(before) && !/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]$/u.test(before);
  return isCut ? undefined : start;
}

/** The end of the domain. Undefined if it is not a domain. */
function domainEnd(token: string, from: number, to: number): number | undefined {
  let end = from;
  while (end < to && end - from <= DOMAIN_MAX + 1 && /[A-Za-z0-9.-]/.test(token[end] ?? '')) end += 1;
  if (/^[\p{L}\p{N}@]/u.test(token.slice(end, end + 2)) && !startsUnspaced(token, end)) return undefined;
  while (end > from && /[.-]/.test(token[end - 1] ?? '')) end -= 1;
  return isDomain(token.slice(from, end), 2) ? end : undefined;
}

/** Whether a text is a domain name of at least so many labels, and ends with a name, not a number. */
function isDomain(text: string, labelsMin: number): boolean {
  const labels = text.split('.');
  const last = labels.at(-1) ?? '';
  return (
    text.length <= DOMAIN_MAX &&
    labels.length >= labelsMin &&
    labels.every((label) => /^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62})$/.test(label) && !label.endsWith('-')) &&
    /^(?:[A-Za-z]{2,63}|xn--.+)$/i.test(last)
  );
}
