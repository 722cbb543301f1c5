/** Builds the pages into `dist`: one HTML file each, with hashed scripts and styles of their own. */

import { convertCssVariables, DEFAULT_THEME, defaultCssVariablesResolver, mergeMantineTheme } from '@mantine/core';
import { defineConfig, type Plugin } from 'vite';

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

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  publicDir: 'static',
  plugins: [themeVariables()],
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
