import { Fragment } from 'react';
import { textParts } from './link-finder.ts';

/**
 * A text with its web and mail addresses as links. The links send no referrer. Nothing else in the
 * text is markup.
 */
export function LinkedText({ text }: { readonly text: string }) {
  return textParts(text).map((part, index) => {
    const key = `${index}-${part.kind}`;
    if (part.kind === 'text') return <Fragment key={key}>{part.text}</Fragment>;
    // A mail program needs no new tab.
    const target = part.href.startsWith('mailto:') ? undefined : '_blank';
    return (
      <a key={key} href={part.href} target={target} rel="noopener noreferrer nofollow ugc">
        {part.text}
      </a>
    );
  });
}
