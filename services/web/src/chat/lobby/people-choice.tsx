import { Checkbox, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { Person } from '#libs/client/index.ts';
import { useText } from '../../i18n/language.tsx';
import { PersonName } from '../../people/person-name.tsx';
import classes from './lobby.module.css';

/** Above so many people there is a field to search them. */
const SEARCH_FROM = 8;

interface PeopleChoiceProps {
  readonly label: string;
  readonly people: readonly Person[];
  /** Ids. */
  readonly chosen: readonly string[];
  readonly onChange: (chosen: readonly string[]) => void;
}

/** Some of the people one has met. */
export function PeopleChoice({ label, people, chosen, onChange }: PeopleChoiceProps) {
  const text = useText('chat');
  const [search, setSearch] = useState('');
  const found = people.filter(({ name }) => name.toLocaleLowerCase().includes(search.trim().toLocaleLowerCase()));
  return (
    <Checkbox.Group label={label} description={text.membersAbout} value={[...chosen]} onChange={onChange}>
      {people.length === 0 && (
        <Text size="sm" c="dimmed" mt="xs">
          {text.nobodyMet}
        </Text>
      )}
      {people.length > SEARCH_FROM && (
        <TextInput
          mt="xs"
          size="xs"
          aria-label={text.search}
          placeholder={text.search}
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
      )}
      <Stack gap="xs" mt="xs" className={classes.choice}>
        {found.map((person) => (
          <Checkbox key={person.id} value={person.id} label={<PersonName person={person} />} />
        ))}
      </Stack>
    </Checkbox.Group>
  );
}
