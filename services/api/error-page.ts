/** The page that a person gets in place of an error in JSON: what is wrong, and a way home. */

import type { FastifyInstance, FastifyRequest } from 'fastify';
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

/**
 * Answers errors with a page if a person asked: a GET or HEAD whose `Accept` names text/html at
 * least as high as JSON (RFC 9110 section 12.5.1). The page has no script, and its language follows
 * `Accept-Language`.
 *
 * @param home The path of the start page, with a slash at its end. Its folder has `start.css`.
 */
export function answerErrorsAsPages(app: FastifyInstance, home: string): void {
  app.addHook('onSend', async (request, reply, payload) => {
    if (reply.statusCode < 400 || typeof payload !== 'string' || !String(reply.getHeader('content-type')).startsWith('application/json'))
      return payload;
    const vary = reply.getHeader('vary');
    reply.header('vary', [vary, 'accept', 'accept-language'].filter((name) => name !== undefined).join(', '));
    if (!wantsPage(request)) return payload;
    reply.type('text/html; charset=utf-8').removeHeader('content-length');
    return errorPage(reply.statusCode, messageOf(payload), textsFor(request.headers['accept-language']), home);
  });
}

function wantsPage({ method, headers: { accept = '' } }: FastifyRequest): boolean {
  const weights = new Map(weighted(accept));
  const html = weights.get('text/html') ?? 0;
  return (method === 'GET' || method === 'HEAD') && html > 0 && html >= (weights.get('application/json') ?? 0);
}

function textsFor(acceptLanguage = ''): Texts {
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

function errorPage(status: number, message: string, { tag, home: label, faults }: Texts, home: string): string {
  const [title, advice] = faults[faultOf(status)];
  // The sentence of the table adds nothing to the title. Others say more, for example what to set.
  const more = Object.values(ERRORS).some((error) => error.message === message) ? '' : message;
  return `<!doctype html>
<html lang="${tag}">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>Parley: ${title}</title>
    <link rel="stylesheet" href="${home}start.css">
  </head>
  <body>
    <main class="start">
      <h1>${title}</h1>
      <p>${advice}</p>${more === '' ? '' : `\n      <p lang="en">${escaped(more)}</p>`}
      <p><a href="${home}">${label}</a></p>
    </main>
  </body>
</html>
`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
