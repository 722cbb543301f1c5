/** Builds the pages into `dist`: one HTML file each, with hashed scripts and styles of their own; and the script of the widget. */

import { readFileSync } from 'node:fs';
import { convertCssVariables, DEFAULT_THEME, defaultCssVariablesResolver, mergeMantineTheme } from '@mantine/core';
import { defineConfig, type Plugin } from 'vite';

import { LANGUAGES } from './src/i18n/languages.ts';
import { THEME } from './src/theme/theme.ts';

const PAGES = ['index', 'agent', 'widget', 'admin'];

/** Mantine would put the theme's variables into an inline style element, which the pages' policy forbids: they become a file instead. */
function themeVariables(): Plugin {
  return {
    name: 'parley-theme-variables',
    enforce: 'pre',
    transform: {
      filter: { id: /\/theme\/variables\.css$/ },
      handler: () => convertCssVariables(defaultCssVariablesResolver(mergeMantineTheme(DEFAULT_THEME, THEME)), ':root'),
    },
  };
}

/** `widget.js`, which sites embed: its name stays. The title of its button is written into it in every language, comments are left out. */
function widgetScript(): Plugin {
  return {
    name: 'parley-widget-script',
    async generateBundle() {
      const titles = await Promise.all(
        Object.entries(LANGUAGES).map(async ([language, { load }]) => [language, (await load()).widget.title] as const),
      );
      const script = readFileSync(`${import.meta.dirname}/src/widget/embed.js`, 'utf8').replaceAll(/^ *\/\/.*\n/gm, '');
      this.emitFile({
        type: 'asset',
        fileName: 'widget.js',
        source: script.replace('TITLES', () => JSON.stringify(Object.fromEntries(titles))),
      });
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  publicDir: 'static',
  plugins: [themeVariables(), widgetScript()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2023',
    // Data URLs would have to be allowed by the policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: Object.fromEntries(PAGES.map((page) => [page, `${import.meta.dirname}/${page}.html`])),
      // "use client" of a file means nothing in a page.
      onLog: (level, log, tell) => {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') tell(level, log);
      },
    },
  },
});
