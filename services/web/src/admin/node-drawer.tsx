import { Text, Title } from '@mantine/core';
import { useText } from '../i18n/language.tsx';
import shared from './admin.module.css';
import type { HubNode, NodeLimits } from './admin-api.ts';
import { useFormat } from './format.ts';
import { severityOfNode } from './nodes.tsx';
import { StateMark } from './panel.tsx';
import type { Query } from './queries.ts';
import { SideDrawer } from './side-drawer.tsx';

interface NodeDrawerProps {
  readonly id: string;
  readonly nodes: Query<readonly HubNode[]>;
}

/** One gateway with its numbers and limits. */
export function NodeDrawer({ id, nodes }: NodeDrawerProps) {
  const { nodes: words } = useText('admin');
  const node = nodes.value?.find((one) => one.id === id);
  return (
    <SideDrawer title={id} error={nodes.error} known={nodes.value !== undefined}>
      {node === undefined ? <Text>{words.absent}</Text> : <NodeFacts node={node} all={nodes.value ?? []} />}
    </SideDrawer>
  );
}

function NodeFacts({ node, all }: { readonly node: HubNode; readonly all: readonly HubNode[] }) {
  const { nodes: words, unknown } = useText('admin');
  const format = useFormat();
  const number = (value: number | undefined) => (value === undefined ? unknown : format.number(value));
  const lag = (seconds: number | null | undefined) => (seconds == null ? unknown : format.lag(seconds));
  const { limits } = node;
  const facts = [
    { key: 'version', label: words.version, value: node.version },
    { key: 'started', label: words.started, value: node.startedAt === undefined ? unknown : format.dateTime(node.startedAt) },
    { key: 'uptime', label: words.uptime, value: format.length(node.uptime) },
    { key: 'heard', label: words.heard, value: words.ago(format.length(node.silent)) },
    {
      key: 'connections',
      label: words.connections,
      value: words.of(format.number(node.connections), limited(limits?.connections, format.number)),
    },
    { key: 'users', label: words.users, value: number(node.userCount) },
    { key: 'rooms', label: words.rooms, value: number(node.roomCount) },
    { key: 'messages', label: words.messages, value: format.number(node.messagesPerSecond) },
    { key: 'ack', label: words.ack, value: lag(node.ackP99) },
    { key: 'delivery', label: words.delivery, value: lag(node.deliveryP99) },
    { key: 'lag', label: words.lag, value: format.lag(node.redisLag) },
    { key: 'loop', label: words.loop, value: lag(node.loopLag) },
  ];
  return (
    <>
      <StateMark severity={severityOfNode(node, all)} words={words.states[node.state]} />
      {node.state === 'draining' && <Text className={shared['hint']}>{words.drains}</Text>}
      {node.state === 'lost' && <Text className={shared['hint']}>{words.lostHint}</Text>}
      <dl className={shared['details']}>
        {facts.map(({ key, label, value }) => (
          <div key={key} className={shared['detail']} data-detail={key}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {limits !== undefined && <Limits limits={limits} />}
    </>
  );
}

/** A limit as a text. Undefined if there is none. */
function limited(limit: number | undefined, text: (value: number) => string): string | undefined {
  return limit === undefined || limit === 0 ? undefined : text(limit);
}

function Limits({ limits }: { readonly limits: NodeLimits }) {
  const { nodes: words } = useText('admin');
  const format = useFormat();
  return (
    <>
      <Title order={3} size="h5" mt="md">
        {words.limits}
      </Title>
      <dl className={shared['details']}>
        {(Object.keys(words.limitNames) as (keyof NodeLimits)[]).map((key) => (
          <div key={key} className={shared['detail']} data-limit={key}>
            <dt>{words.limitNames[key]}</dt>
            <dd>{limited(limits[key], key === 'drainSeconds' ? format.length : format.number) ?? words.noLimit}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
