import { Text } from '@mantine/core';
import { useText } from '../i18n/language.tsx';
import shared from './admin.module.css';
import type { HubNode, KeySetState } from './admin-api.ts';
import { useFormat } from './format.ts';
import styles from './nodes.module.css';
import { Panel, StateMark } from './panel.tsx';
import type { Query } from './queries.ts';
import { RowButton } from './side-drawer.tsx';
import { isGone } from './verdict.ts';

const ORDER = { lost: 0, draining: 1, serving: 2, gone: 3 } as const;

const SEVERITY = { lost: 'bad', draining: 'warn', serving: 'well', gone: 'note' } as const;

/**
 * All gateways with their numbers. Gateways in trouble come first, those that others have replaced
 * come last. Columns on wide screens, cards on narrow ones.
 */
export function Nodes({ nodes }: { readonly nodes: Query<readonly HubNode[]> }) {
  const text = useText('admin');
  const words = text.nodes;
  const all = nodes.value ?? [];
  const rank = (node: HubNode) => ORDER[standingOf(node, all)];
  const sorted = nodes.value?.toSorted((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1));
  return (
    <Panel title={words.title} error={nodes.error}>
      {sorted?.length === 0 && <Text className={shared['hint']}>{words.empty}</Text>}
      {sorted !== undefined && sorted.length > 0 && (
        <>
          <div className={styles['nodeHead']} aria-hidden="true">
            <span>{words.state}</span>
            <span>{words.node}</span>
            <span>{words.version}</span>
            <span>{words.uptime}</span>
            <span>{words.connections}</span>
            <span>{words.messages}</span>
            <span>{words.lag}</span>
          </div>
          <ul className={styles['nodeList']} aria-label={words.title}>
            {sorted.map((node) => (
              <Node key={node.id} node={node} severity={severityOfNode(node, all)} />
            ))}
          </ul>
        </>
      )}
    </Panel>
  );
}

function standingOf(node: HubNode, all: readonly HubNode[]): keyof typeof ORDER {
  return isGone(node, all) ? 'gone' : node.state;
}

/** How bad the state of a gateway is, among all of them. */
export function severityOfNode(node: HubNode, all: readonly HubNode[]): (typeof SEVERITY)[keyof typeof SEVERITY] {
  return SEVERITY[standingOf(node, all)];
}

function Node({ node, severity }: { readonly node: HubNode; readonly severity: ReturnType<typeof severityOfNode> }) {
  const { nodes: words } = useText('admin');
  const format = useFormat();
  const { id, state, version, uptime, connections, messagesPerSecond, redisLag, silent } = node;
  const facts = [
    { key: 'version', label: words.version, value: version },
    { key: 'uptime', label: words.uptime, value: format.length(uptime) },
    { key: 'connections', label: words.connections, value: format.number(connections) },
    { key: 'messages', label: words.messages, value: format.number(messagesPerSecond) },
    { key: 'lag', label: words.lag, value: format.lag(redisLag) },
  ];
  return (
    <li className={styles['node']} data-node={id} data-state={state}>
      <StateMark severity={severity} words={words.states[state]} />
      <span className={styles['nodeName']}>
        <RowButton place={{ is: 'node', id }}>{id}</RowButton>
        {state === 'lost' && <small> {words.silent(format.length(silent))}</small>}
      </span>
      <dl className={styles['facts']}>
        {facts.map(({ key, label, value }) => (
          <div key={key} data-fact={key}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </li>
  );
}

/** The state of another issuer's keys at the answering program. */
export function KeySet({ state: { host, fetchedAt, problem } }: { readonly state: KeySetState }) {
  const { keySet: words } = useText('admin');
  const format = useFormat();
  const known = fetchedAt !== null;
  const severity = problem !== null ? (known ? 'warn' : 'bad') : known ? 'well' : 'note';
  return (
    <Panel
      title={words.title}
      aside={<StateMark severity={severity} words={problem !== null ? words.failed : known ? words.fetched : words.notAsked} />}
    >
      <dl className={shared['details']}>
        <dt>{words.host}</dt>
        <dd data-key-set="host">{host}</dd>
        <dt>{words.last}</dt>
        <dd data-key-set="last">{known ? format.dateTime(fetchedAt) : words.never}</dd>
        {problem !== null && (
          <>
            <dt>{words.problem}</dt>
            <dd data-key-set="problem">{problem}</dd>
          </>
        )}
      </dl>
    </Panel>
  );
}
