import { Icon } from '../ui/icon.tsx';
import styles from './admin.module.css';

const ICONS = { well: 'check', note: 'clock', warn: 'alert', bad: 'alert' } as const;

/** A state in colour, shape and words: each tells it alone. */
export function StateMark({ severity, words }: { readonly severity: keyof typeof ICONS; readonly words: string }) {
  return (
    <span className={styles['mark']} data-severity={severity}>
      <Icon name={ICONS[severity]} size={14} />
      {words}
    </span>
  );
}
