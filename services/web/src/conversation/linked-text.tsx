import { Fragment } from 'react';

/**
 * A text with its web addresses as links. The links send no referrer. Nothing else in the text is
 * markup.
 */
export function LinkedText({ text }: { readonly text: string }) {
  return textParts(text).map((part, index) => {
    const key = `${index}-${part.kind}`;
    if (part.kind === 'text') return <Fragment key={key}>{part.text}</Fragment>;
    return (
      <a key={key} href={part.href} target="_blank" rel="noopener noreferrer nofollow ugc">
        {part.text}
      </a>
    );
  });
}

/** A piece of a text. Only http and https addresses are links. */

type TextPart = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'link'; readonly text: string; readonly href: string };

const ADDRESS = /\bhttps?:\/\/[^\s<>"'`{}|\\^\p{Cc}\p{Cf}，。；！？、）】》」』]+/giu;

/** Punctuation that ends a sentence, not an address. */
const TRAILING = /[.,:;!?…]+$/u;

/** Splits a text into plain pieces and links. */
export function textParts(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const { 0: found, index } of text.matchAll(ADDRESS)) {
    const address = withoutEnd(found);
    const href = safeAddress(address);
    if (href === undefined) continue;
    if (index > end) parts.push({ kind: 'text', text: text.slice(end, index) });
    parts.push({ kind: 'link', text: address, href });
    end = index + address.length;
  }
  if (end < text.length) parts.push({ kind: 'text', text: text.slice(end) });
  return parts;
}

/** Cuts off punctuation at the end, and a closing bracket that was opened before the address. */
function withoutEnd(found: string): string {
  let address = found.replace(TRAILING, '');
  while (/[)\]]$/u.test(address) && closesMore(address)) address = address.slice(0, -1).replace(TRAILING, '');
  return address;
}

function closesMore(address: string): boolean {
  const count = (character: string): number => address.split(character).length - 1;
  return address.endsWith(')') ? count(')') > count('(') : count(']') > count('[');
}

/**
 * The address as the browser reads it. Undefined if it is not valid, or contains a user name or
 * password: those can hide its real host.
 */
function safeAddress(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  const plain =
    (url.protocol === 'http:' || url.protocol === 'https:') && url.username === '' && url.password === '' && url.hostname !== '';
  return plain ? url.href : undefined;
}
