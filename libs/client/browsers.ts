/**
 * The oldest browsers that the pages and the client package run in. The builds write no newer syntax,
 * and the sources call no newer function (`test/e2e/web-browsers.test.ts`). Each page names these
 * browsers to all others.
 */
export const BROWSERS = [
  { name: 'Chrome', version: '111', target: 'chrome111' },
  { name: 'Edge', version: '111', target: 'edge111' },
  { name: 'Firefox', version: '115', target: 'firefox115' },
  { name: 'Safari', version: '16.4', target: 'safari16.4' },
] as const;

/** For `build.target` of Vite. */
export const TARGETS: string[] = BROWSERS.map(({ target }) => target);
