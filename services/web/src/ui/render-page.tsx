// In this order: each overrides those above.
import '../theme/mantine.css';
import '../theme/variables.css';
import '../theme/page.css';

import { Button, Center, MantineProvider, Stack, Text } from '@mantine/core';
import { Component, type ReactNode, StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { LanguageProvider, useText } from '../i18n/language.tsx';
import { chosenLanguage, loadLanguage } from '../i18n/languages.ts';
import { browserStorage } from '../storage/browser-storage.ts';
import { applyColorScheme, COLOR_SCHEMES, THEME } from '../theme/theme.ts';

/**
 * Renders a page into `#root`, with theme, colour scheme and language. The pages' policy forbids
 * style elements, so no component may have responsive style props (`p={{ base: ..., sm: ... }}`).
 * Use a CSS module.
 */
export async function renderPage(page: ReactNode): Promise<void> {
  const root = document.getElementById('root');
  if (root === null) throw new TypeError('The page has no #root.');
  applyColorScheme(document.documentElement);
  const first = await loadLanguage(chosenLanguage(browserStorage, navigator.languages));
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

interface BrokenPageProps {
  readonly children: ReactNode;
}

/** Shows a text and a button if a component throws. */
class BrokenPage extends Component<BrokenPageProps, { readonly broken: boolean }> {
  static getDerivedStateFromError() {
    return { broken: true };
  }

  override state = { broken: false };

  override render() {
    return this.state.broken ? <Apology /> : this.props.children;
  }
}

function Apology() {
  const text = useText('app');
  return (
    <Center h="100%" role="alert">
      <Stack align="center">
        <Text>{text.broken}</Text>
        <Button onClick={() => location.reload()}>{text.reload}</Button>
      </Stack>
    </Center>
  );
}
