import { useEffect, useState } from 'react';

import { useText } from '../i18n/language.tsx';
import { hubApi } from '../login/hub-api.ts';
import { hubUrl } from '../login/hub-url.ts';
import styles from './entry.module.css';

/** How many are here: an invitation only. Without the number the form still works. */
export function OnlinePulse() {
  const text = useText('account');
  const [count, setCount] = useState<number>();
  useEffect(() => {
    void hubApi(fetch.bind(globalThis), hubUrl('api/v1'))('GET', '/online').then(
      (answer) => setCount((answer as { readonly count: number }).count),
      () => undefined,
    );
  }, []);
  return (
    <p className={styles['pulse']}>
      {count !== undefined && (
        <>
          <span className={styles['dot']} aria-hidden="true" />
          {text.online(count)}
        </>
      )}
    </p>
  );
}
