import type { account } from './en/account.ts';
import type { admin } from './en/admin.ts';
import type { agent } from './en/agent.ts';
import type { app } from './en/app.ts';
import type { chat } from './en/chat.ts';
import type { widget } from './en/widget.ts';

/** The words of each part of the pages. English is the shape that the other languages fill. */
interface Areas {
  readonly app: typeof app;
  readonly account: typeof account;
  readonly chat: typeof chat;
  readonly widget: typeof widget;
  readonly agent: typeof agent;
  readonly admin: typeof admin;
}

/** Name of a part. */
export type Area = keyof Areas;

/** The words of a part. */
export type Text<A extends Area> = Areas[A];

/** The languages there are. */
export const LANGUAGES = { en: 'English', zh: '中文' } as const;

export type Language = keyof typeof LANGUAGES;

/** What one page carries: the parts it shows, in every language. Parts of other pages stay out of its script. */
export type Texts = Readonly<Record<Language, { readonly app: Text<'app'> } & { readonly [A in Area]?: Text<A> }>>;
