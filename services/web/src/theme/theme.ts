import { createTheme, localStorageColorSchemeManager, type MantineColorsTuple } from '@mantine/core';

/** Shade 6 carries white text at 4.5:1 and more. */
const LEAF: MantineColorsTuple = [
  '#ecf7f1',
  '#dcefe4',
  '#b5dec8',
  '#8bcdaa',
  '#5fbf92',
  '#3f9c72',
  '#2f7d5b',
  '#276a4d',
  '#20573f',
  '#163f2d',
];

/** From text to the deepest ground of the dark scheme. */
const DARK: MantineColorsTuple = [
  '#e4e7eb',
  '#c3c8d0',
  '#a2a9b5',
  '#7d8592',
  '#4b525e',
  '#343a44',
  '#2a2f37',
  '#1d2026',
  '#191b20',
  '#15171c',
];

/** The one theme of all pages. Its variables become a static file (vite.config.ts). */
export const THEME = createTheme({
  primaryColor: 'leaf',
  primaryShade: { light: 6, dark: 6 },
  colors: { leaf: LEAF, dark: DARK },
  black: '#1f2328',
  fontFamily: 'system-ui, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif',
  headings: { fontFamily: 'inherit' },
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    // Their scroll lock would add an inline style element, which the pages' policy forbids.
    Modal: { defaultProps: { lockScroll: false } },
    Drawer: { defaultProps: { lockScroll: false } },
  },
});

/** Where the choice of light or dark is kept; `auto` follows the system. */
export const COLOR_SCHEMES = localStorageColorSchemeManager({ key: 'parley.color-scheme' });

/** Sets the scheme before the first paint: without it a dark page would flash light. */
export function applyColorScheme(root: HTMLElement): void {
  const chosen = COLOR_SCHEMES.get('auto');
  const dark = chosen === 'auto' ? matchMedia('(prefers-color-scheme: dark)').matches : chosen === 'dark';
  root.dataset['mantineColorScheme'] = dark ? 'dark' : 'light';
}
