import { Fragment } from 'react';

import { textParts } from './text-links.ts';

/** A text as it was written, its web addresses as links, which tell nobody where one came from. Nothing else in it means anything. */
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
