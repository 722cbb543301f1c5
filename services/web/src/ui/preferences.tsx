import { ActionIcon, Button, Group, useMantineColorScheme } from '@mantine/core';

import { useLanguage, useText } from '../i18n/language.tsx';
import { LANGUAGES, nextLanguage } from '../i18n/languages.ts';
import { Icon } from './icon.tsx';

/** Each press goes on to the next. */
const NEXT_SCHEME = { auto: 'light', light: 'dark', dark: 'auto' } as const;
const SCHEME_ICON = { auto: 'contrast', light: 'sun', dark: 'moon' } as const;

/** Two small buttons: the next language, and light, dark or as the system. */
export function Preferences() {
  const text = useText('app');
  const { language, setLanguage } = useLanguage();
  // To switch transitions off meanwhile, Mantine would add a style element, which the pages' policy forbids.
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
