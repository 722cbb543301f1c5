import { Button, Center, Stack, Text } from '@mantine/core';
import { Component, type ReactNode } from 'react';

import { useText } from '../i18n/language.tsx';

interface BrokenPageProps {
  readonly children: ReactNode;
}

/** A fault in drawing the page shows a word and a way on, in place of nothing at all. */
export class BrokenPage extends Component<BrokenPageProps, { readonly broken: boolean }> {
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
