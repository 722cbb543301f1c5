import { Title, VisuallyHidden } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useLanguage, useText } from '../i18n/language.tsx';
import type { Language } from '../i18n/languages.ts';
import { WARNINGS } from '../i18n/warnings.ts';
import { Icon } from '../ui/icon.tsx';
import { AdminError, type WarningCode } from './admin-api.ts';
import { queueName, useFormat, useReason } from './format.ts';
import type { HubSnapshot } from './queries.ts';
import styles from './verdict.module.css';
import { type Finding, findingsOf, verdictOf } from './verdict.ts';

const ICONS = { unknown: 'clock', well: 'check', warn: 'alert', bad: 'alert' } as const;

/** The verdict with its findings: on the page, in the tab's title and for screen readers. */
export function VerdictBanner({ picture }: { readonly picture: HubSnapshot }) {
  const text = useText('admin');
  const format = useFormat();
  const describe = useFindingText();
  const findings = findingsOf(picture);
  const verdict = verdictOf(findings);
  const announced = useStableText(findings?.map(keyOf).join() ?? '', [text.verdict[verdict], ...(findings ?? []).map(describe)].join('. '));
  useEffect(() => {
    document.title = `${text.tab[verdict]} ${text.verdict[verdict]} · ${text.brand}`;
  }, [text, verdict]);
  return (
    <section className={styles['verdict']} data-verdict={verdict} aria-label={text.title}>
      <div className={styles['verdictMark']}>
        <Icon name={ICONS[verdict]} size={34} />
      </div>
      <div className={styles['verdictWords']}>
        <Title order={1} size="h2">
          {text.verdict[verdict]}
        </Title>
        {findings !== undefined && findings.length > 0 && (
          <ul className={styles['findings']}>
            {findings.map((finding) => (
              <li key={keyOf(finding)} data-severity={finding.severity}>
                {describe(finding)}
              </li>
            ))}
          </ul>
        )}
        {findings?.length === 0 && <p>{picture.hub.value?.redis === 'none' ? text.nothingElseAlone : text.nothingElse}</p>}
        <VisuallyHidden role="status">{announced}</VisuallyHidden>
      </div>
      {picture.at !== undefined && (
        <p className={styles['asOf']}>
          {text.asOf(format.time(picture.at))}, <br />
          {text.every}
        </p>
      )}
    </section>
  );
}

/** Identifies a finding. The same finding with another number has the same key. */
function keyOf(finding: Finding): string {
  const about =
    'queue' in finding
      ? finding.queue
      : 'node' in finding
        ? finding.node
        : 'nodes' in finding
          ? finding.nodes.join()
          : 'warning' in finding
            ? finding.warning
            : 'host' in finding
              ? `${finding.host} ${finding.problem}`
              : '';
  return `${finding.what} ${about}`;
}

/**
 * Returns `words` as they were when `key` last changed. Otherwise a screen reader would read
 * changing numbers every two seconds.
 */
function useStableText(key: string, words: string): string {
  const [once, setOnce] = useState({ key, words });
  if (once.key === key) return once.words;
  setOnce({ key, words });
  return words;
}

/** The sentence of a warning. Undefined for a code that this page does not know. */
function warningIn(language: Language, coded: WarningCode | undefined): string | undefined {
  const texts = WARNINGS[language];
  if (coded === undefined || !Object.hasOwn(texts, coded.code)) return undefined;
  const sentence: (...values: string[]) => string = texts[coded.code as keyof typeof texts];
  return sentence(...coded.values);
}

function useFindingText(): (finding: Finding) => string {
  const text = useText('admin');
  const { language } = useLanguage();
  const format = useFormat();
  const reason = useReason();
  const { findings } = text;
  return (finding) => {
    switch (finding.what) {
      case 'no-answer':
        return findings.noAnswer;
      case 'slow':
        return findings.slow;
      case 'refused':
        return findings.refused(reason(new AdminError(finding.code, finding.message)));
      case 'redis-down':
        return findings.redisDown;
      case 'database-down':
        return findings.databaseDown;
      case 'no-gateway':
        return findings.noGateway;
      case 'lost':
        return findings.lost(format.list(finding.nodes));
      case 'gone':
        return findings.gone(format.list(finding.nodes));
      case 'draining':
        return findings.draining(format.list(finding.nodes));
      case 'lag':
        return findings.lag(finding.node, format.lag(finding.seconds));
      case 'queue':
        return findings.queue(queueName(text, finding.queue), format.length(finding.seconds));
      case 'failed':
        return findings.failed(queueName(text, finding.queue), format.number(finding.count));
      case 'versions':
        return findings.versions(format.list(finding.versions));
      case 'key-set': {
        const { host, problem, fetchedAt } = finding;
        return findings.keySet(host, problem, fetchedAt === null ? undefined : format.dateTime(fetchedAt));
      }
      case 'setting':
        return findings.setting(warningIn(language, finding.coded) ?? finding.warning);
    }
  };
}
