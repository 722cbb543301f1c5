import { useText } from '../i18n/language.tsx';
import styles from './entry.module.css';

/** What it is like inside, beside the form on wide screens. */
export function EntryPicture() {
  const text = useText('account');
  return (
    <div className={styles['picture']} aria-hidden="true">
      <p className={styles['headline']}>{text.headline}</p>
      <div className={styles['bubbles']}>
        {text.picture.map((line) => (
          <p key={line} className={styles['bubble']}>
            {line}
          </p>
        ))}
      </div>
    </div>
  );
}
