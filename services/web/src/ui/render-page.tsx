import '@mantine/core/styles.layer.css';
import '../theme/variables.css';
import '../theme/page.css';

import { MantineProvider } from '@mantine/core';
import { type ReactNode, StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { chosenLanguage } from '../i18n/chosen-language.ts';
import { LanguageProvider } from '../i18n/language.tsx';
import { loadLanguage } from '../i18n/languages.ts';
import { applyColorScheme, COLOR_SCHEMES } from '../theme/color-scheme.ts';
import { THEME } from '../theme/theme.ts';
import { BrokenPage } from './broken-page.tsx';

/**
 * Puts a page into `#root`: theme, light or dark, language. Mantine is kept from adding style elements, which the pages' policy forbids; for the
 * same reason no component may be given responsive style props (`p={{ base: ..., sm: ... }}`): use a CSS module.
 */
export async function renderPage(page: ReactNode): Promise<void> {
  const root = document.getElementById('root');
  if (root === null) throw new TypeError('The page has no #root.');
  applyColorScheme(document.documentElement);
  const first = await loadLanguage(chosenLanguage(localStorage, navigator.languages));
  createRoot(root).render(
    <StrictMode>
      <MantineProvider
        theme={THEME}
        colorSchemeManager={COLOR_SCHEMES}
        defaultColorScheme="auto"
        withCssVariables={false}
        withGlobalClasses={false}
      >
        <LanguageProvider first={first}>
          <BrokenPage>{page}</BrokenPage>
        </LanguageProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
