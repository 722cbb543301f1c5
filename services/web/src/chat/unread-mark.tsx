import { VisuallyHidden } from '@mantine/core';

import { useText } from '../i18n/language.tsx';
import classes from './unread-mark.module.css';

const SHOWN_MAX = 99;

/** How much is new; nothing where nothing is. */
export function UnreadMark({ count }: { readonly count: number }) {
  const text = useText('chat');
  if (count === 0) return null;
  return (
    <span className={classes.mark} data-unread={count}>
      <span aria-hidden="true">{count > SHOWN_MAX ? `${SHOWN_MAX}+` : count}</span>
      <VisuallyHidden>{text.unread(count)}</VisuallyHidden>
    </span>
  );
}
