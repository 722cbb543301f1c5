import { SegmentedControl, Text, Title } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useText } from '../i18n/language.tsx';
import { hubApi, hubUrl } from '../login/hub-api.ts';
import { Logo } from '../ui/logo.tsx';
import { Preferences } from '../ui/preferences.tsx';
import type { Account } from './account.ts';
import { AddressForm, CodeForm } from './code-form.tsx';
import styles from './entry.module.css';
import { GuestForm, RegisterForm } from './name-form.tsx';

type Step =
  | { readonly is: 'guest' }
  | { readonly is: 'address'; readonly message?: string }
  | { readonly is: 'code'; readonly claimed: string }
  | { readonly is: 'name'; readonly registration: string };

/**
 * The way in: a nickname, or a mailed code. A new address also needs a name. `message`: why a
 * person who was logged in is here again.
 */
export function Entry({
  account,
  message,
  onEntered,
}: {
  readonly account: Account;
  readonly message: string | undefined;
  readonly onEntered: () => Promise<void>;
}) {
  const text = useText('account');
  const [step, setStep] = useState<Step>(() => account.keptStep ?? { is: account.lastWay === 'mail' ? 'address' : 'guest' });
  const toAddress = (message?: string) => {
    account.dropStep();
    setStep({ is: 'address', ...(message === undefined ? {} : { message }) });
  };
  return (
    <main id="entry" className={styles['page']}>
      <EntryPicture />
      <div className={styles['side']}>
        <div className={styles['corner']}>
          <Preferences />
        </div>
        <div className={styles['card']}>
          <Logo size={52} />
          <Title order={1} className={styles['title']}>
            Parley
          </Title>
          <Text className={styles['lead']}>{text.tagline}</Text>
          {message !== undefined && (
            <Text role="alert" className={styles['message']}>
              {message}
            </Text>
          )}
          {(step.is === 'guest' || step.is === 'address') && (
            <SegmentedControl
              fullWidth
              size="md"
              aria-label={text.ways}
              value={step.is}
              onChange={(way) => setStep({ is: way === 'guest' ? 'guest' : 'address' })}
              data={[
                { value: 'guest', label: text.asGuest },
                { value: 'address', label: text.withMail },
              ]}
            />
          )}
          {step.is === 'guest' && <GuestForm account={account} onEntered={onEntered} />}
          {step.is === 'address' && (
            <AddressForm account={account} message={step.message} onAsked={(claimed) => setStep({ is: 'code', claimed })} />
          )}
          {step.is === 'code' && (
            <CodeForm
              account={account}
              claimed={step.claimed}
              onProved={async (registration) => (registration === undefined ? onEntered() : setStep({ is: 'name', registration }))}
              onOtherAddress={() => toAddress()}
            />
          )}
          {step.is === 'name' && (
            <RegisterForm
              account={account}
              registration={step.registration}
              onEntered={onEntered}
              onTooLate={() => toAddress(text.tooLate)}
              onOtherAddress={() => toAddress()}
            />
          )}
          <OnlinePulse />
        </div>
      </div>
    </main>
  );
}

/** The number of people online. If it cannot be loaded, the form still works. */
function OnlinePulse() {
  const text = useText('account');
  const [count, setCount] = useState<number>();
  useEffect(() => {
    void hubApi(fetch.bind(globalThis), hubUrl('api/v1'))('GET', '/online').then(
      (answer) => setCount((answer as { readonly count: number }).count),
      () => undefined,
    );
  }, []);
  return (
    <p className={styles['pulse']}>
      {count !== undefined && (
        <>
          <span className={styles['dot']} aria-hidden="true" />
          {text.online(count)}
        </>
      )}
    </p>
  );
}

/** A picture of the chat, beside the form on wide screens. */
function EntryPicture() {
  const text = useText('account');
  return (
    <div className={styles['picture']} aria-hidden="true">
      <p className={styles['headline']}>{text.headline}</p>
      <div className={styles['bubbles']}>
        {text.picture.map((line) => (
          <p key={line} className={styles['bubble']}>
            {line}
          </p>
        ))}
      </div>
    </div>
  );
}
