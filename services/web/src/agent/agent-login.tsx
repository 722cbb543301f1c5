import { Alert, Button, Group, Paper, PasswordInput, Stack, TextInput, Title } from '@mantine/core';
import { useState } from 'react';
import { problemText } from '../conversation/error-code.ts';
import { useText } from '../i18n/language.tsx';
import { Preferences } from '../ui/preferences.tsx';
import styles from './agent.module.css';

interface AgentLoginProps {
  /** Why the last try failed or the last login ended: an error code of the hub. */
  readonly error: string | undefined;
  readonly onLogIn: (username: string, password: string) => Promise<void>;
}

/** The login form for agents. */
export function AgentLogin({ error, onLogIn }: AgentLoginProps) {
  const text = useText('agent');
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  return (
    <main className={styles.entry}>
      <Paper className={styles.card} withBorder p="xl" radius="lg">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            setBusy(true);
            void onLogIn(username, password).finally(() => setBusy(false));
          }}
        >
          <Stack>
            <Title component="h1" order={2} size="h3">
              {text.login}
            </Title>
            {error !== undefined && (
              <Alert color="red" role="alert">
                {problemText(text.errors, error)}
              </Alert>
            )}
            <TextInput
              label={text.username}
              autoComplete="username"
              required
              withAsterisk={false}
              value={username}
              onChange={(event) => setUsername(event.currentTarget.value)}
            />
            <PasswordInput
              label={text.password}
              autoComplete="current-password"
              required
              withAsterisk={false}
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
            />
            <Button type="submit" disabled={busy || username.trim() === '' || password === ''}>
              {text.enter}
            </Button>
            <Group justify="center">
              <Preferences />
            </Group>
          </Stack>
        </form>
      </Paper>
    </main>
  );
}
