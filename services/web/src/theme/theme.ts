import { createTheme, localStorageColorSchemeManager, type MantineColorsTuple } from '@mantine/core';

/** White text on shade 6 has a contrast of at least 4.5:1. */
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

/** From the text colour to the darkest background of the dark scheme. */
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

/** For all dialogs. */
const DIALOG = {
  // It adds an inline style element. The pages' policy forbids it.
  lockScroll: false,
  // Else a screen reader takes the head of a dialog for another banner of the page.
  attributes: { header: { role: 'presentation' } },
};

/** The theme of all pages. The build writes its variables into a file (`vite.config.ts`). */
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
    Modal: { defaultProps: DIALOG },
    Drawer: { defaultProps: DIALOG },
  },
});

/** Remembers light or dark. `auto` follows the system. */
export const COLOR_SCHEMES = localStorageColorSchemeManager({ key: 'parley.color-scheme' });

/** Sets the colour scheme before the first paint. Otherwise a dark page would flash white. */
export function applyColorScheme(root: HTMLElement): void {
  const chosen = COLOR_SCHEMES.get('auto');
  const dark = chosen === 'auto' ? matchMedia('(prefers-color-scheme: dark)').matches : chosen === 'dark';
  root.dataset['mantineColorScheme'] = dark ? 'dark' : 'light';
}
