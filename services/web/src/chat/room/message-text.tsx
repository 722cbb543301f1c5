import { LinkedText } from '../../conversation/linked-text.tsx';
import classes from './room.module.css';

/** What somebody wrote. */
export function MessageText({ text }: { readonly text: string }) {
  return (
    <span className={classes.text} dir="auto" data-text>
      <LinkedText text={text} />
    </span>
  );
}
