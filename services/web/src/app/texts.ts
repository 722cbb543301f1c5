import { account as enAccount } from '../i18n/en/account.ts';
import { app as enApp } from '../i18n/en/app.ts';
import { chat as enChat } from '../i18n/en/chat.ts';
import type { Texts } from '../i18n/texts.ts';
import { account as zhAccount } from '../i18n/zh/account.ts';
import { app as zhApp } from '../i18n/zh/app.ts';
import { chat as zhChat } from '../i18n/zh/chat.ts';

/** What this page says. */
export const TEXTS: Texts = {
  en: { app: enApp, account: enAccount, chat: enChat },
  zh: { app: zhApp, account: zhAccount, chat: zhChat },
};
