/** The page that a person gets in place of an error in JSON: what is wrong, and a way home. */

import { ERRORS } from '#libs/protocol/errors.ts';

type Fault = 'missing' | 'refused' | 'busy' | 'other';

interface Texts {
  /** The `lang` of the document. */
  readonly tag: string;
  readonly home: string;
  /** Title and advice. */
  readonly faults: Readonly<Record<Fault, readonly [title: string, advice: string]>>;
}

const LANGUAGES: Readonly<Record<string, Texts>> = {
  en: {
    tag: 'en',
    home: 'To the start page',
    faults: {
      missing: ['There is nothing here', 'The address may be old, or mistyped.'],
      refused: ['This page is not open to you', 'Go back to the start page, or ask the people who run this site.'],
      busy: ['The server is busy', 'Wait a moment, then load this page again.'],
      other: ['That did not work', 'Go back to the start page, and try again from there.'],
    },
  },
  zh: {
    tag: 'zh-Hans',
    home: '返回首页',
    faults: {
      missing: ['这里什么也没有', '地址可能已经过期，或者输入有误。'],
      refused: ['你不能打开这个页面', '请返回首页，或者联系网站的管理者。'],
      busy: ['服务器正忙', '请稍等片刻，然后重新加载此页面。'],
      other: ['没有成功', '请返回首页再试一次。'],
    },
  },
};

/** What a request says about the answer that it takes. Header fields are '' if absent. */
export interface Wishes {
  readonly method: string;
  readonly accept: string;
  readonly acceptLanguage: string;
}

/** The media type of the page. */
export const PAGE_TYPE = 'text/html; charset=utf-8';
/** What the choice between JSON and the page depends on, for `Vary`. */
export const PAGE_VARY = 'accept, accept-language';

/**
 * Returns the page for an error if a person asked: a GET or HEAD whose `Accept` names text/html at
 * least as high as JSON (RFC 9110 section 12.5.1). Otherwise undefined. The page has no script, and
 * its language follows `Accept-Language`.
 *
 * @param body The error in JSON.
 * @param home The path of the start page, with a slash at its end. Its folder has `start.css`.
 * Undefined: this port has neither.
 */
export function errorPage(status: number, body: string, wishes: Wishes, home: string | undefined): string | undefined {
  return wantsPage(wishes) ? page(status, messageOf(body), textsFor(wishes.acceptLanguage), home) : undefined;
}

function wantsPage({ method, accept }: Wishes): boolean {
  const weights = new Map(weighted(accept));
  const html = weights.get('text/html') ?? 0;
  return (method === 'GET' || method === 'HEAD') && html > 0 && html >= (weights.get('application/json') ?? 0);
}

function textsFor(acceptLanguage: string): Texts {
  const tags = weighted(acceptLanguage).filter(([, weight]) => weight > 0);
  const [known] = tags.toSorted(([, a], [, b]) => b - a).flatMap(([tag]) => LANGUAGES[tag.split('-')[0] ?? ''] ?? []);
  return known ?? (LANGUAGES['en'] as Texts);
}

/** The members of a header in lower case, with their weights (RFC 9110 section 12.4.2). */
function weighted(header: string): [name: string, weight: number][] {
  return header
    .toLowerCase()
    .split(',')
    .map((member) => {
      const [name = '', ...parameters] = member.split(';').map((part) => part.trim());
      const weight = Number(parameters.find((one) => one.startsWith('q='))?.slice(2) ?? 1);
      return [name, Number.isNaN(weight) ? 0 : weight];
    });
}

function faultOf(status: number): Fault {
  if (status === 404) return 'missing';
  if (status === 401 || status === 403) return 'refused';
  return status === 429 || status === 503 ? 'busy' : 'other';
}

function messageOf(payload: string): string {
  try {
    return String((JSON.parse(payload) as { readonly message?: unknown }).message ?? '');
  } catch {
    return '';
  }
}

function page(status: number, message: string, { tag, home: label, faults }: Texts, home: string | undefined): string {
  const [title, advice] = faults[faultOf(status)];
  // The sentence of the table adds nothing to the title. Others say more, for example what to set.
  const more = Object.values(ERRORS).some((error) => error.message === message) ? '' : message;
  return `<!doctype html>
<html lang="${tag}">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>Parley: ${title}</title>${home === undefined ? '' : `\n    <link rel="stylesheet" href="${home}start.css">`}
  </head>
  <body>
    <main class="start">
      <h1>${title}</h1>
      <p>${advice}</p>${more === '' ? '' : `\n      <p lang="en">${escaped(more)}</p>`}${home === undefined ? '' : `\n      <p><a href="${home}">${label}</a></p>`}
    </main>
  </body>
</html>
`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
