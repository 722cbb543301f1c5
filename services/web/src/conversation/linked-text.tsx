import { Fragment } from 'react';

const LINK = /https?:\/\/[^\s<>"'`\u3000-\u303f\uff00-\uffef]+/gi;
/** What ends a sentence rather than an address. */
const TRAIL = /[.,;:!?)\]}]+$/;

/** A text as it was written, its web addresses as links. Nothing else in it means anything. */
export function LinkedText({ text }: { readonly text: string }) {
  const parts = [];
  let from = 0;
  for (const { 0: found, index } of text.matchAll(LINK)) {
    const address = found.replace(TRAIL, '');
    const url = URL.parse(address);
    if (url === null) continue;
    parts.push(
      <Fragment key={index}>
        {text.slice(from, index)}
        <a href={url.href} target="_blank" rel="noopener noreferrer nofollow ugc">
          {address}
        </a>
      </Fragment>,
    );
    from = index + address.length;
  }
  return (
    <>
      {parts}
      {text.slice(from)}
    </>
  );
}
