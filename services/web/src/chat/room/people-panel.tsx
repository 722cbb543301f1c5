import { ActionIcon, Button, CloseButton, Stack, Text } from '@mantine/core';
import { type RefObject, useCallback, useEffect, useRef, useState } from 'react';
import { useStore } from 'zustand/react';
import type { Person } from '#libs/client/index.ts';
import { PRESENCE_NAMES } from '#libs/protocol/limits.ts';
import { codeOf, problemText } from '../../conversation/error-code.ts';
import { useText } from '../../i18n/language.tsx';
import { PersonName } from '../../people/person-name.tsx';
import { PersonPicture } from '../../people/person-picture.tsx';
import { Icon } from '../../ui/icon.tsx';
import { useChat } from '../chat-context.ts';
import { ConfirmButton } from '../confirm-button.tsx';
import { PeopleChoice } from '../lobby/new-group.tsx';
import { goTo } from '../place.ts';
import type { Room } from '../state/room-list.ts';
import type { RoomThread } from '../state/room-thread.ts';
import { useDismissal } from './dismissal.ts';
import classes from './room.module.css';
import { TakeOutDialog } from './take-out-dialog.tsx';

interface PeoplePanelProps {
  readonly thread: RoomThread;
  /** Undefined if the list does not have the room. */
  readonly room: Room | undefined;
  /** The button that opened it. */
  readonly button: RefObject<HTMLElement | null>;
  /** Does not change. */
  readonly onClose: () => void;
}

/** The people in a room. For a group, its members. */
export function PeoplePanel({ thread, room, button, onClose }: PeoplePanelProps) {
  const text = useText('chat');
  const panel = useRef<HTMLElement>(null);
  const { close } = useDismissal(panel, button, onClose);
  return (
    <aside ref={panel} className={classes.people} aria-label={text.people}>
      <header>
        <h2>{text.people}</h2>
        <CloseButton aria-label={text.close} onClick={close} />
      </header>
      {room?.kind === 'group' ? <GroupMembers key={room.room} thread={thread} room={room} /> : <PresentPeople thread={thread} />}
    </aside>
  );
}

function PresentPeople({ thread }: { readonly thread: RoomThread }) {
  const text = useText('chat');
  const { store } = useChat();
  const { people, count } = useStore(thread.audience.view);
  const mine = people.filter(({ id }) => id === store.me.id);
  const others = people.filter(({ id }) => id !== store.me.id);
  // The hub names that many at most. The count may follow the names by a second.
  const rest = (count ?? 0) > PRESENCE_NAMES ? (count ?? 0) - people.length : 0;
  return (
    <>
      <ul className={classes.peopleList}>
        {[...mine, ...others].map((person) => (
          <li key={person.id} data-person={person.name}>
            <PersonPicture person={person} small />
            <span className={classes.personName} dir="auto">
              <PersonName person={person} />
            </span>
            {person.id === store.me.id ? <span className={classes.badge}>{text.you}</span> : <WriteTo person={person} />}
          </li>
        ))}
      </ul>
      {rest > 0 && <p className={classes.more}>{text.andMore(rest)}</p>}
    </>
  );
}

/** Opens the direct messages with a person. */
function WriteTo({ person: { id, name } }: { readonly person: Person }) {
  const text = useText('chat');
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      aria-label={text.writeTo(name)}
      title={text.writeTo(name)}
      onClick={() => goTo({ is: 'direct', user: id })}
    >
      <Icon name="message" size={16} />
    </ActionIcon>
  );
}

interface GroupMembersProps {
  readonly thread: RoomThread;
  readonly room: Room;
}

/** The members of a group: who is here, and what I may change. */
function GroupMembers({ thread, room: { room, owner, members: memberCount } }: GroupMembersProps) {
  const text = useText('chat');
  const { store } = useChat();
  const problems = useText('problems');
  const { people } = useStore(thread.audience.view);
  const [members, setMembers] = useState<readonly Person[]>([]);
  const [problem, setProblem] = useState<{ readonly code: string; readonly times: number }>();
  const [leaving, setLeaving] = useState<Person>();
  const connected = useStore(store.view, (state) => state.connected);
  const mine = owner === store.me.id;

  const attempt = useCallback(async (task: () => Promise<unknown>) => {
    try {
      await task();
      setProblem(undefined);
    } catch (error) {
      setProblem((last) => ({ code: codeOf(error), times: (last?.times ?? 0) + 1 }));
    }
  }, []);
  const read = useCallback(() => attempt(async () => setMembers((await store.groups.details(room)).people)), [attempt, room, store]);
  // Someone who comes may be a new member. Someone who goes may have left the group.
  // biome-ignore lint/correctness/useExhaustiveDependencies: reads again after each change
  useEffect(() => void read(), [read, people, memberCount]);

  const change = (task: () => Promise<unknown>) => attempt(async () => task().then(read));
  const leave = (task: () => Promise<unknown>) =>
    attempt(async () => {
      await task();
      goTo({ is: 'lobby' });
      await store.refresh();
    });

  return (
    <>
      <ul className={classes.peopleList}>
        {members.map((person) => (
          <li key={person.id} data-person={person.name} data-here={(connected && people.some(({ id }) => id === person.id)) || undefined}>
            <PersonPicture person={person} small />
            <span className={classes.personName} dir="auto">
              <PersonName person={person} />
            </span>
            {person.id === owner && <span className={classes.badge}>{text.owner}</span>}
            {person.id === store.me.id && <span className={classes.badge}>{text.you}</span>}
            {person.id !== store.me.id && <WriteTo person={person} />}
            {mine && person.id !== store.me.id && (
              <ActionIcon
                variant="subtle"
                color="gray"
                aria-label={text.takeOut(person.name)}
                title={text.takeOut(person.name)}
                onClick={() => setLeaving(person)}
              >
                <Icon name="close" size={16} />
              </ActionIcon>
            )}
          </li>
        ))}
      </ul>
      <TakeOutDialog
        name={leaving?.name}
        onClose={() => setLeaving(undefined)}
        onConfirm={() => {
          if (leaving !== undefined) void change(() => store.groups.remove(room, leaving.id));
          setLeaving(undefined);
        }}
      />
      <Stack p="md" gap="sm">
        {problem !== undefined && (
          <Text size="sm" c="var(--bad)" role="alert">
            {/* Each time another element: a screen reader does not read the same one again. */}
            <span key={problem.times}>{problemText(problems, problem.code)}</span>
          </Text>
        )}
        {mine && <AddPeople members={members} onAdd={(ids) => change(() => store.groups.add(room, ids))} />}
        {mine ? (
          <ConfirmButton
            label={text.endGroup}
            sure={text.yesEnd}
            about={text.endGroupSure}
            onConfirm={() => leave(() => store.groups.end(room))}
          />
        ) : (
          <ConfirmButton
            label={text.leaveGroup}
            sure={text.yesLeave}
            about={text.leaveGroupSure}
            onConfirm={() => leave(() => store.groups.remove(room, store.me.id))}
          />
        )}
      </Stack>
    </>
  );
}

interface AddPeopleProps {
  readonly members: readonly Person[];
  readonly onAdd: (ids: readonly string[]) => Promise<void>;
}

function AddPeople({ members, onAdd }: AddPeopleProps) {
  const text = useText('chat');
  const { store } = useChat();
  const [choosing, setChoosing] = useState(false);
  const [chosen, setChosen] = useState<readonly string[]>([]);
  if (!choosing) {
    return (
      <Button variant="light" onClick={() => setChoosing(true)}>
        {text.addPeople}
      </Button>
    );
  }
  const others = store.knownPeople.filter(({ id }) => !members.some((member) => member.id === id));
  return (
    <Stack gap="sm">
      <PeopleChoice label={text.addPeople} people={others} chosen={chosen} onChange={setChosen} />
      <Button
        disabled={chosen.length === 0}
        onClick={() => {
          setChoosing(false);
          setChosen([]);
          void onAdd(chosen);
        }}
      >
        {text.add}
      </Button>
    </Stack>
  );
}
