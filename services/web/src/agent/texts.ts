import { agent as enAgent } from '../i18n/en/agent.ts';
import { app as enApp } from '../i18n/en/app.ts';
import type { Texts } from '../i18n/texts.ts';
import { agent as zhAgent } from '../i18n/zh/agent.ts';
import { app as zhApp } from '../i18n/zh/app.ts';

/** What this page says. */
export const TEXTS: Texts = {
  en: { app: enApp, agent: enAgent },
  zh: { app: zhApp, agent: zhAgent },
};
