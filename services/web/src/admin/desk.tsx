import { Text } from '@mantine/core';
import { useText } from '../i18n/language.tsx';
import { MoreButton } from '../ui/more-button.tsx';
import shared from './admin.module.css';
import { adminApi } from './admin-api.ts';
import { useFormat } from './format.ts';
import { Panel, StateMark } from './panel.tsx';
import { usePagedPoll } from './queries.ts';
import { RowButton } from './side-drawer.tsx';

/** Counts end here: the hub counts no further. */
const COUNT_MAX = 1000;

/** The customers who wait for an agent, the longest first. */
export function WaitingCustomers() {
  const { desk: words, people } = useText('admin');
  const format = useFormat();
  const { query, items, extra: count, more, extend } = usePagedPoll(adminApi.waiting);
  return (
    <Panel title={words.waiting} error={query.error} aside={count !== undefined && <Count count={count} what="waiting" />}>
      {items?.length === 0 && <Text className={shared['hint']}>{words.nobody}</Text>}
      {items !== undefined && items.length > 0 && (
        <table className={shared['table']}>
          <thead>
            <tr>
              <th scope="col">{words.customer}</th>
              <th scope="col">{words.channel}</th>
              <th scope="col">{words.since}</th>
            </tr>
          </thead>
          <tbody>
            {items.map(({ room, id, name, channel, online, since }) => (
              <tr key={room} data-waiting={room}>
                <th scope="row">
                  <RowButton place={{ is: 'person', id }}>
                    <bdi>{name}</bdi>
                  </RowButton>
                  {!online && <small>{people.offline}</small>}
                </th>
                <td>{channel}</td>
                <td>
                  {format.length((Date.now() - since) / 1000)}
                  <small>{format.dateTime(since)}</small>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {more && <MoreButton label={words.moreCustomers} load={extend} />}
    </Panel>
  );
}

/** The agents, with their conversations. */
export function Agents() {
  const { desk: words } = useText('admin');
  const format = useFormat();
  const { query, items, extra: all, more, extend } = usePagedPoll(adminApi.agents);
  return (
    <Panel title={words.agents} error={query.error} aside={all !== undefined && <Count count={all} what="conversations" />}>
      {items?.length === 0 && <Text className={shared['hint']}>{words.noAgent}</Text>}
      {items !== undefined && items.length > 0 && (
        <table className={shared['table']}>
          <thead>
            <tr>
              <th scope="col">{words.agent}</th>
              <th scope="col">{words.state}</th>
              <th scope="col">{words.conversations}</th>
            </tr>
          </thead>
          <tbody>
            {items.map(({ id, name, sessions, conversations }) => (
              <tr key={id} data-agent={id} data-online={sessions > 0}>
                <th scope="row">
                  <RowButton place={{ is: 'person', id }}>
                    <bdi>{name}</bdi>
                  </RowButton>
                </th>
                <td>
                  <StateMark severity={sessions > 0 ? 'well' : 'note'} words={sessions > 0 ? words.online : words.away} />
                </td>
                <td>{words.share(format.number(conversations), counted(all ?? 0, format.number))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {more && <MoreButton label={words.moreAgents} load={extend} />}
    </Panel>
  );
}

function Count({ count, what }: { readonly count: number; readonly what: 'waiting' | 'conversations' }) {
  const { desk: words } = useText('admin');
  const format = useFormat();
  return (
    <Text size="sm" className={shared['hint']} data-count={what}>
      {words.counts[what](counted(count, format.number))}
    </Text>
  );
}

function counted(count: number, text: (value: number) => string): string {
  return count >= COUNT_MAX ? `${text(COUNT_MAX)}+` : text(count);
}
