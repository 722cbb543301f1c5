/**
 * Builds the pages into `dist`: an HTML file each, with hashed scripts and styles. Also builds the
 * widget's script.
 */

import { readFileSync } from 'node:fs';
import { convertCssVariables, DEFAULT_THEME, defaultCssVariablesResolver, mergeMantineTheme } from '@mantine/core';
import { defineConfig, type Plugin } from 'vite';

import { BROWSERS, TARGETS } from '../../libs/client/browsers.ts';
import { LANGUAGES } from './src/i18n/languages.ts';
import { THEME } from './src/theme/theme.ts';

/** The pages, each with its description in Chinese. The English one is in the file. */
const PAGES = {
  index: '在公园或房间里聊天，或与一位搭档对话。',
  agent: '与客户对话。',
  widget: '与我们聊天。',
  admin: '查看服务的运行状况。',
};

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
 * button in every language, and removes comments and indentation.
 */
function widgetScript(): Plugin {
  return {
    name: 'parley-widget-script',
    async generateBundle() {
      const titles = await Promise.all(
        Object.entries(LANGUAGES).map(async ([language, { load }]) => [language, (await load()).widget.title] as const),
      );
      const script = readFileSync(`${import.meta.dirname}/src/widget/embed.js`, 'utf8').replaceAll(/^\s*(\/\/.*\n)?/gm, '');
      this.emitFile({
        type: 'asset',
        fileName: 'widget.js',
        source: script.replace('TITLES', () => JSON.stringify(Object.fromEntries(titles))),
      });
    },
  };
}

/** A style sheet that Vite has made. `start.css` is not among them. */
const SHEET = / *<link rel="stylesheet" [^>]*href="\.\/assets\/[^>]*>\n/g;

/**
 * Writes a text into each page, which the page's script replaces: what the page is, and after some
 * seconds, for browsers that never run the script, which browsers can. Moves the style sheets of the
 * page below it: the browser paints what is above before they come.
 */
function startText(): Plugin {
  const browsers = BROWSERS.map(({ name, version }) => `${name} ${version}`).join(', ');
  return {
    name: 'parley-start-text',
    transformIndexHtml: {
      order: 'post',
      handler(html, { path }) {
        const about = /<meta name="description" content="([^"]+)">/.exec(html)?.[1];
        const aboutZh = new Map(Object.entries(PAGES)).get(path.slice(1, -'.html'.length));
        if (about === undefined || aboutZh === undefined) throw new TypeError(`${path} needs a description in both languages`);
        const sheets = html.match(SHEET) ?? [];
        const text = [
          `<h1>Parley</h1><p>${about}<br><span lang="zh-Hans">${aboutZh}</span></p>`,
          `<p class="late">If this text stays, your browser is too old or lacks JavaScript. Parley runs in ${browsers}, and newer ones.`,
          `<br><span lang="zh-Hans">如果一直停留在此页，说明您的浏览器版本过旧或未启用 JavaScript。请使用 ${browsers} 或更新的版本。</span></p>`,
        ].join('');
        return html
          .replace(SHEET, '')
          .replace('<div id="root"></div>', `<div id="root"><main class="start">${text}</main></div>\n${sheets.join('')}`);
      },
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  publicDir: 'static',
  plugins: [themeVariables(), widgetScript(), startText()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: TARGETS,
    // The pages' policy forbids data URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: Object.fromEntries(Object.keys(PAGES).map((page) => [page, `${import.meta.dirname}/${page}.html`])),
      // `"use client"` has no meaning in a page.
      onLog: (level, log, tell) => {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') tell(level, log);
      },
    },
  },
});
