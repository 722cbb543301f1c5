import { useText } from '../i18n/language.tsx';
import type { Text } from '../i18n/languages.ts';
import styles from './admin.module.css';
import type { Queue } from './admin-api.ts';
import { OutLink, Panel } from './panel.tsx';
import { useFormat } from './use-format.ts';
import type { Known } from './watch.ts';

interface QueuesProps {
  readonly queues: Known<Readonly<Record<string, Queue>>>;
  /** Whether there is a board to look further. */
  readonly board: boolean;
}

const COUNTS = ['waiting', 'active', 'delayed', 'failed'] as const;

/** What waits to be done, and whether it moves. */
export function Queues({ queues, board }: QueuesProps) {
  const text = useText('admin');
  const { queues: words } = text;
  const format = useFormat();
  return (
    <Panel title={words.title} error={queues.error} aside={board && <OutLink href="queues">{text.board}</OutLink>}>
      <table className={styles['table']}>
        <thead>
          <tr>
            <th scope="col">{words.queue}</th>
            {COUNTS.map((count) => (
              <th scope="col" key={count}>
                {words[count]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {Object.entries(queues.value ?? {}).map(([queue, counts]) => (
            <tr key={queue} data-queue={queue}>
              <th scope="row">
                {queueName(text, queue)}
                {counts.oldestAge >= 1 && <small> {words.oldest(format.length(counts.oldestAge))}</small>}
              </th>
              {COUNTS.map((count) => (
                <td key={count} data-count={count} data-alarm={count === 'failed' && counts.failed > 0}>
                  {format.number(counts[count])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

/** What people call a queue; one the page does not know keeps its own name. */
export function queueName({ queues: { names } }: Text<'admin'>, queue: string): string {
  return Object.hasOwn(names, queue) ? names[queue as keyof typeof names] : queue;
}
