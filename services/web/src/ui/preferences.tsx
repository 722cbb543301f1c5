import { ActionIcon, Button, Group, useMantineColorScheme } from '@mantine/core';

import { useLanguage, useText } from '../i18n/language.tsx';
import { LANGUAGES, nextLanguage } from '../i18n/languages.ts';
import { Icon } from './icon.tsx';

/** The scheme that the next press selects. */
const NEXT_SCHEME = { auto: 'light', light: 'dark', dark: 'auto' } as const;
const SCHEME_ICON = { auto: 'contrast', light: 'sun', dark: 'moon' } as const;

/** Two buttons: the next language, and the colour scheme. */
export function Preferences() {
  const text = useText('app');
  const { language, setLanguage } = useLanguage();
  // Otherwise Mantine adds a style element to switch transitions off. The pages' policy forbids it.
  const { colorScheme, setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  const other = nextLanguage(language);
  return (
    <Group gap="xs" wrap="nowrap">
      <Button variant="subtle" color="gray" size="compact-sm" lang={LANGUAGES[other].tag} onClick={() => setLanguage(other)}>
        {LANGUAGES[other].name}
      </Button>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="md"
        aria-label={text.colorScheme[colorScheme]}
        title={text.colorScheme[colorScheme]}
        onClick={() => setColorScheme(NEXT_SCHEME[colorScheme])}
      >
        <Icon name={SCHEME_ICON[colorScheme]} />
      </ActionIcon>
    </Group>
  );
}
