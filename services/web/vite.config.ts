/**
 * Builds the pages into `dist`: an HTML file each, with hashed scripts and styles. Also builds the
 * widget's script.
 */

import { readFileSync } from 'node:fs';
import { convertCssVariables, DEFAULT_THEME, defaultCssVariablesResolver, mergeMantineTheme } from '@mantine/core';
import { defineConfig, type Plugin } from 'vite';

import { LANGUAGES } from './src/i18n/languages.ts';
import { THEME } from './src/theme/theme.ts';

const PAGES = ['index', 'agent', 'widget', 'admin'];

/**
 * Mantine puts the theme's variables into an inline style element, which the pages' policy forbids.
 * This writes them into a file.
 */
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

/**
 * Emits `widget.js`, the script for other sites. Its name has no hash. Fills in the title of its
 * button in every language, and removes comments.
 */
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
    // The pages' policy forbids data URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: Object.fromEntries(PAGES.map((page) => [page, `${import.meta.dirname}/${page}.html`])),
      // `"use client"` has no meaning in a page.
      onLog: (level, log, tell) => {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') tell(level, log);
      },
    },
  },
});
