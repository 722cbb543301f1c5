import { Fragment } from 'react';

import { textParts } from '../text-links.ts';
import classes from './room.module.css';

/** What somebody wrote, as text; web addresses can be followed, and tell nobody where one came from. */
export function MessageText({ text }: { readonly text: string }) {
  const parts = textParts(text);
  return (
    <span className={classes.text} dir="auto" data-text>
      {parts.map((part, index) => {
        const key = `${index}-${part.kind}`;
        if (part.kind === 'text') return <Fragment key={key}>{part.text}</Fragment>;
        return (
          <a key={key} href={part.href} target="_blank" rel="noopener noreferrer nofollow">
            {part.text}
          </a>
        );
      })}
    </span>
  );
}
