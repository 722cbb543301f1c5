import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { makeFolder } from '#test/support/temp-folder.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** Each page of the built site by its address, `/` for the first one. */
const site = new Map<string, string>();

beforeAll(async () => {
  const folder = makeFolder('parley-docs-');
  const build = ['node_modules/vitepress/bin/vitepress.js', 'build', 'docs', '--outDir', folder];
  await promisify(execFile)(process.execPath, build, { cwd: ROOT });
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.html') || file === '404.html') continue;
    site.set(addressOf(file), readFileSync(path.join(folder, file), 'utf8'));
  }
}, 300_000);

/** `index.html` is the page of its folder. */
function addressOf(file: string): string {
  return `/${file.replace(/(?:^|(?<=\/))index\.html$|\.html$/, '')}`;
}

/** The values of an attribute in a page. */
const all = (html: string, attribute: string): string[] =>
  [...html.matchAll(new RegExp(` ${attribute}="([^"]*)"`, 'g'))].map(([, value = '']) => value.replaceAll('&amp;', '&'));

test('has every page that the sidebar names, and every page is in it', () => {
  const [sidebar = ''] = /<aside class="VPSidebar".*?<\/aside>/s.exec(site.get('/') ?? '') ?? [];
  const named = all(sidebar, 'href').map((href) => addressOf(href.slice(1)));
  expect(named.toSorted()).toEqual([...site.keys()].toSorted());
});

test('has no link to a place that is not there', () => {
  const ids = new Map([...site].map(([address, html]) => [address, new Set(all(html, 'id'))]));
  const dead = [...site].flatMap(([address, html]) =>
    all(html, 'href')
      .filter((href) => !/^[a-z]+:|^\/assets\/|^\/vp-icons/.test(href))
      .filter((href) => {
        const [target = '', id] = href.split('#');
        const page = ids.get(target === '' ? address : addressOf(decodeURI(target).slice(1)));
        return page === undefined || (id !== undefined && !page.has(decodeURIComponent(id)));
      })
      .map((href) => `${address} -> ${href}`),
  );
  expect(dead).toEqual([]);
});

test('says what an operator looks for: each setting, each rule, each alert', () => {
  expect(site.get('/')).toContain('CONNECTIONS_MAX');
  expect(site.get('/spec')).toContain('<strong>M1</strong>');
  const alerts = readdirSync(path.join(ROOT, 'docs/runbooks')).filter((file) => file !== 'README.md');
  expect(alerts.length).toBeGreaterThan(20);
  for (const file of alerts) expect([...site.keys()]).toContain(`/runbooks/${file.replace('.md', '')}`);
});
