/**
 * The documentation site: `npm run docs` builds it into `dist/docs`.
 *
 * Pages are the Markdown files of the repository themselves, so nothing is said twice. `PAGES` is
 * the one list: the file, its address on the site, and its title in the sidebar.
 */
import { readdirSync } from 'node:fs';
import { defineConfig } from 'vitepress';
import { siteLinks } from './links.ts';

interface Page {
  readonly file: string;
  /** The address, without `.html`. */
  readonly at: string;
  readonly title: string;
}

const PAGES: Readonly<Record<string, readonly Page[]>> = {
  Start: [
    { file: 'README.md', at: 'index', title: 'What Parley is' },
    { file: 'docs/install.md', at: 'install', title: 'Install' },
    { file: 'docs/concepts.md', at: 'concepts', title: 'Concepts' },
    { file: 'CHANGELOG.md', at: 'changelog', title: 'Changes' },
  ],
  Build: [
    { file: 'libs/client/README.md', at: 'sdk', title: 'The client (SDK)' },
    { file: 'docs/api.md', at: 'api', title: 'The HTTP API' },
    { file: 'SPEC.md', at: 'spec', title: 'The wire contract' },
    { file: 'ARCHITECTURE.md', at: 'architecture', title: 'Architecture' },
    { file: 'services/web/README.md', at: 'pages', title: 'The web pages' },
  ],
  Run: [
    { file: 'deploy/README.md', at: 'deploy', title: 'Image, compose, machines' },
    { file: 'deploy/prometheus/README.md', at: 'monitoring', title: 'Monitoring' },
    { file: 'docs/dashboards/README.md', at: 'dashboards', title: 'Dashboards' },
    { file: 'k8s/README.md', at: 'kubernetes', title: 'Kubernetes' },
    { file: 'SECURITY.md', at: 'hardening', title: 'Hardening' },
    { file: 'docs/tracing.md', at: 'tracing', title: 'Traces, access log' },
    { file: 'docs/capacity.md', at: 'capacity', title: 'Capacity' },
    { file: 'bench/README.md', at: 'bench', title: 'What it costs' },
    { file: 'bench/PROFILE.md', at: 'profile', title: 'What was tried' },
    { file: 'bench/RESULTS.md', at: 'compare', title: 'Beside its peers' },
    { file: 'bench/SCALE.md', at: 'scale', title: 'How cost grows' },
    { file: 'docs/upgrade.md', at: 'upgrade', title: 'Upgrade' },
    { file: 'docs/backup.md', at: 'backup', title: 'Backup and restore' },
    { file: 'docs/redis-cluster.md', at: 'redis-cluster', title: 'From one Redis to a Cluster' },
  ],
  Runbooks: runbooks(),
};

const pages = Object.values(PAGES).flat();

export default defineConfig({
  title: 'Parley',
  description: 'A horizontally scaled realtime hub for chat',
  srcDir: '..',
  srcExclude: ['**/node_modules/**', '**/dist/**', '.data/**', 'test/**', 'bench/results/**'],
  outDir: '../dist/docs',
  cacheDir: '../node_modules/.cache/vitepress',
  rewrites: Object.fromEntries(pages.map(({ file, at }) => [file, `${at}.md`])),
  markdown: {
    // What looks like a tag is text, as nothing here is written in HTML.
    html: false,
    languageAlias: { haproxy: 'nginx' },
    // Anchors as on GitHub, where the same files are read.
    anchor: {
      slugify: (heading) =>
        heading
          .trim()
          .toLowerCase()
          .replace(/[^\p{L}\p{N}\s_-]/gu, '')
          .replaceAll(' ', '-'),
    },
    config: (markdown) => siteLinks(markdown, new Map(pages.map(({ file, at }) => [file, at]))),
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    sidebar: Object.entries(PAGES).map(([text, items]) => ({
      text,
      ...(text === 'Runbooks' && { collapsed: true }),
      items: items.map(({ at, title }) => ({ text: title, link: `/${at.replace(/(^|\/)index$/, '$1')}` })),
    })),
  },
});

/** One page for each alert. */
function runbooks(): Page[] {
  const folder = new URL('../runbooks/', import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith('.md'));
  return files.sort().map((name) => {
    const title = name.slice(0, -'.md'.length);
    // README.md is the list of all.
    const page = title === 'README' ? 'index' : title;
    return { file: `docs/runbooks/${name}`, at: `runbooks/${page}`, title: page === 'index' ? 'All alerts' : title };
  });
}
