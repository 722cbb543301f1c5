import { Anchor, VisuallyHidden } from '@mantine/core';

import { useText } from '../i18n/language.tsx';
import styles from './admin.module.css';

/** A way out of this page, in a tab of its own: the numbers stay in view. */
export function OutLink({ href, children }: { readonly href: string; readonly children: string }) {
  const { elsewhere } = useText('admin');
  return (
    <Anchor href={href} target="_blank" rel="noopener noreferrer" size="sm" className={styles['link']}>
      {children} <span aria-hidden="true">↗</span>
      <VisuallyHidden>({elsewhere})</VisuallyHidden>
    </Anchor>
  );
}
