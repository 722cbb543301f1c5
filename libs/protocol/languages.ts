/** The languages of pages and mail, by the first part of their tag (RFC 5646). The first is the default. */
export const LANGUAGES = ['en', 'zh'] as const;
/** An entry of `LANGUAGES`. */
export type Language = (typeof LANGUAGES)[number];
