import { Alert, Button, Group, Paper, PasswordInput, Stack, TextInput, Title } from '@mantine/core';
import { useState } from 'react';
import { problemText } from '../conversation/error-code.ts';
import { useLanguage, useText } from '../i18n/language.tsx';
import { banText } from '../login/ban-text.ts';
import { tooManyText } from '../login/too-many-text.ts';
import { Preferences } from '../ui/preferences.tsx';
import styles from './agent.module.css';
import type { LoginProblem } from './workbench-view.ts';

interface AgentLoginProps {
  /** Why the last try failed or the last login ended. */
  readonly error: LoginProblem | undefined;
  readonly onLogIn: (username: string, password: string) => Promise<void>;
}

/** The login form for agents. */
export function AgentLogin({ error, onLogIn }: AgentLoginProps) {
  const text = useText('agent');
  const app = useText('app');
  const { locale } = useLanguage();
  const textOf = ({ code, ban, retryAfter }: LoginProblem) => {
    if (ban !== undefined) return banText(ban, app, locale);
    return code === 'RATE_LIMITED' ? tooManyText({ retryAfter }, app, locale) : problemText(text.errors, code);
  };
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
                {textOf(error)}
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
