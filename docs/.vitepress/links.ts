/**
 * Links of the repository's Markdown, as links of the site.
 *
 * A link to a page leads to its address. A link to any other file of the repository is its text
 * alone, because the site does not have the file. A link that leads nowhere stops the build.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { MarkdownRenderer } from 'vitepress';

/** The repository. */
const ROOT = path.resolve(import.meta.dirname, '../..');

/**
 * Adds the rule to a renderer.
 *
 * @param addressOf the address of a page's file, without a suffix.
 * @throws Error if a link names a file that is not there. The build names the page.
 */
export function siteLinks(markdown: MarkdownRenderer, addressOf: ReadonlyMap<string, string>): void {
  markdown.core.ruler.push('site-links', ({ tokens, env }) => {
    // A page's own file, whatever its address.
    const { path: address, realPath: page = address } = env as { readonly path: string; readonly realPath?: string };
    for (const { children } of tokens) {
      for (let at = 0; at < (children?.length ?? 0); at += 1) {
        const open = children?.[at];
        const href = open?.type === 'link_open' ? open.attrGet('href') : null;
        if (children == null || open === undefined || href === null || /^(?:[a-z]+:|#|\/)/.test(href)) continue;
        const [target = '', anchor] = href.split('#');
        const file = path.relative(ROOT, path.resolve(path.dirname(page), decodeURI(target)));
        if (!existsSync(path.join(ROOT, file))) throw new Error(`${path.relative(ROOT, page)}: no such file: ${href}`);
        const to = addressOf.get(file);
        if (to !== undefined) open.attrSet('href', `/${to}${anchor === undefined ? '' : `#${anchor}`}`);
        else {
          const close = children.findIndex(({ type }, index) => index > at && type === 'link_close');
          children.splice(close, 1);
          children.splice(at, 1);
        }
      }
    }
  });
}
