import { admin as enAdmin } from '../i18n/en/admin.ts';
import { app as enApp } from '../i18n/en/app.ts';
import type { Texts } from '../i18n/texts.ts';
import { admin as zhAdmin } from '../i18n/zh/admin.ts';
import { app as zhApp } from '../i18n/zh/app.ts';

/** What this page says. */
export const TEXTS: Texts = {
  en: { app: enApp, admin: enAdmin },
  zh: { app: zhApp, admin: zhAdmin },
};
