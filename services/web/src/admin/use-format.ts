import { useMemo } from 'react';

import { useLanguage, useText } from '../i18n/language.tsx';
import type { AdminError } from './admin-api.ts';
import { type Format, formatFor } from './format.ts';

/** Numbers and times in the page's language. */
export function useFormat(): Format {
  const { language } = useLanguage();
  return useMemo(() => formatFor(language), [language]);
}

/** Puts an error into words. */
export function useReason(): (error: AdminError) => string {
  const { errors } = useText('admin');
  return ({ code, message }) => (Object.hasOwn(errors, code) ? errors[code as keyof typeof errors] : `${code} ${message}`.trim());
}
