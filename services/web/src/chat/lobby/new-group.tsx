import { Button, Checkbox, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import type { Person } from '#libs/client/index.ts';
import { codeOf, problemText } from '../../conversation/error-code.ts';
import { useText } from '../../i18n/language.tsx';
import { PersonName } from '../../people/person-name.tsx';
import { useChat } from '../chat-context.ts';
import { goTo } from '../place.ts';
import classes from './lobby.module.css';

const NAME_MAX = 60;

interface NewGroupProps {
  readonly opened: boolean;
  readonly onClose: () => void;
}

/** The form for a new group. */
export function NewGroup({ opened, onClose }: NewGroupProps) {
  const text = useText('chat');
  return (
    <Modal opened={opened} onClose={onClose} title={text.newGroup} closeButtonProps={{ 'aria-label': text.close }} centered>
      <NewGroupForm onDone={onClose} />
    </Modal>
  );
}

function NewGroupForm({ onDone }: { readonly onDone: () => void }) {
  const text = useText('chat');
  const problems = useText('problems');
  const { store } = useChat();
  const [name, setName] = useState('');
  const [keepHistory, setKeepHistory] = useState(true);
  const [members, setMembers] = useState<readonly string[]>([]);
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const length = [...name.trim()].length;
    if (length === 0 || length > NAME_MAX) return setProblem(text.groupNameWrong);
    setBusy(true);
    setProblem(undefined);
    try {
      const { room } = await store.groups.create(name, members, keepHistory);
      await store.refresh();
      onDone();
      goTo({ is: 'room', room });
    } catch (error) {
      const code = codeOf(error);
      setProblem(code === 'INVALID_REQUEST' ? text.groupNameWrong : problemText(problems, code));
      setBusy(false);
    }
  };

  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <TextInput
          label={text.groupName}
          value={name}
          error={problem}
          autoComplete="off"
          data-autofocus
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <PeopleChoice label={text.members} people={store.knownPeople} chosen={members} onChange={setMembers} />
        <Checkbox
          label={text.keepHistory}
          description={text.keepHistoryAbout}
          checked={keepHistory}
          onChange={(event) => setKeepHistory(event.currentTarget.checked)}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onDone}>
            {text.cancel}
          </Button>
          <Button type="submit" loading={busy}>
            {text.create}
          </Button>
        </Group>
        <Text size="xs" c="dimmed" hidden={!busy} role="status">
          {text.loading}
        </Text>
      </Stack>
    </form>
  );
}

/** With more people than this there is a search field. */
const SEARCH_FROM = 8;

interface PeopleChoiceProps {
  readonly label: string;
  readonly people: readonly Person[];
  /** Ids. */
  readonly chosen: readonly string[];
  readonly onChange: (chosen: readonly string[]) => void;
}

/** Chooses some of the people that I have met. */
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
