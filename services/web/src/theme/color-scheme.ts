import { localStorageColorSchemeManager } from '@mantine/core';

/** Where the choice of light or dark is kept; `auto` follows the system. */
export const COLOR_SCHEMES = localStorageColorSchemeManager({ key: 'parley.color-scheme' });

/** Sets the scheme before the first paint: without it a dark page would flash light. */
export function applyColorScheme(root: HTMLElement): void {
  const chosen = COLOR_SCHEMES.get('auto');
  const dark = chosen === 'auto' ? matchMedia('(prefers-color-scheme: dark)').matches : chosen === 'dark';
  root.dataset['mantineColorScheme'] = dark ? 'dark' : 'light';
}
