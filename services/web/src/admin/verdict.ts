/** Decides whether the hub is healthy, from the numbers of the admin page. */
import type { HubNode, KeySetState, WarningCode } from './admin-api.ts';
import type { HubSnapshot } from './queries.ts';

/** `note`: worth knowing, but no reason to get up. */
type Severity = 'bad' | 'warn' | 'note';

/** One thing that the person on call should know. */
export type Finding =
  | { readonly what: 'no-answer' | 'redis-down' | 'database-down' | 'no-gateway'; readonly severity: 'bad' }
  | { readonly what: 'slow'; readonly severity: 'warn' }
  | { readonly what: 'refused'; readonly severity: 'bad'; readonly code: string; readonly message: string }
  | { readonly what: 'lost'; readonly severity: 'bad'; readonly nodes: readonly string[] }
  | { readonly what: 'gone'; readonly severity: 'note'; readonly nodes: readonly string[] }
  | { readonly what: 'draining'; readonly severity: 'warn'; readonly nodes: readonly string[] }
  | { readonly what: 'lag'; readonly severity: 'bad' | 'warn'; readonly node: string; readonly seconds: number }
  | { readonly what: 'queue'; readonly severity: 'bad' | 'warn'; readonly queue: string; readonly seconds: number }
  | { readonly what: 'failed'; readonly severity: 'note'; readonly queue: string; readonly count: number }
  | { readonly what: 'versions'; readonly severity: 'note'; readonly versions: readonly string[] }
  | {
      readonly what: 'key-set';
      readonly severity: 'bad' | 'warn';
      readonly host: string;
      readonly problem: string;
      /** The oldest last fetch of all programs. Null: one of them never fetched it. */
      readonly fetchedAt: number | null;
    }
  | {
      readonly what: 'setting';
      readonly severity: 'note';
      /** The sentence in English. */
      readonly warning: string;
      readonly coded: WarningCode | undefined;
    };

/**
 * Seconds. A healthy node stays below 0.05. At 1, people notice the delay of their own messages.
 */
const LAG = { warn: 0.25, bad: 1 } as const;
/**
 * Seconds that the oldest job has waited. Clean-up jobs wait a few seconds. People wait for a login
 * code.
 */
const AGE = { warn: 15, bad: 60 } as const;
/**
 * Seconds of silence after which a lost gateway is only a note: its people are on the other
 * gateways.
 */
const GONE = 60;
const ORDER: Readonly<Record<Severity, number>> = { bad: 0, warn: 1, note: 2 };

function severityOf(value: number, { warn, bad }: { readonly warn: number; readonly bad: number }): 'bad' | 'warn' | undefined {
  return value >= bad ? 'bad' : value >= warn ? 'warn' : undefined;
}

/**
 * Whether a gateway was lost a while ago and others have replaced it. The hub reports it for ten
 * minutes.
 */
export function isGone({ state, silent }: HubNode, all: readonly HubNode[]): boolean {
  return state === 'lost' && silent >= GONE && all.some((other) => other.state === 'serving');
}

/** Returns the findings, worst first. Undefined if nothing is known yet. */
export function findingsOf({ hub, nodes, queues, slow }: HubSnapshot): readonly Finding[] | undefined {
  const { error } = hub;
  if (error?.code === 'NO_ANSWER') return [{ what: 'no-answer', severity: 'bad' }];
  if (error !== undefined) return [{ what: 'refused', severity: 'bad', code: error.code, message: error.message }];
  const found: Finding[] = slow ? [{ what: 'slow', severity: 'warn' }] : [];
  if (hub.value === undefined) return slow ? found : undefined;
  if (hub.value.redis === 'down') found.push({ what: 'redis-down', severity: 'bad' });
  if (hub.value.database === 'down') found.push({ what: 'database-down', severity: 'bad' });
  const all = nodes.value ?? [];
  const gone = all.filter((node) => isGone(node, all)).map(({ id }) => id);
  const named = (state: string): string[] => all.filter((node) => node.state === state && !gone.includes(node.id)).map(({ id }) => id);
  const [lost, draining, serving] = [named('lost'), named('draining'), named('serving')];
  if (nodes.value !== undefined && nodes.error === undefined && serving.length === 0) found.push({ what: 'no-gateway', severity: 'bad' });
  if (lost.length > 0) found.push({ what: 'lost', severity: 'bad', nodes: lost });
  if (gone.length > 0) found.push({ what: 'gone', severity: 'note', nodes: gone });
  if (draining.length > 0) found.push({ what: 'draining', severity: 'warn', nodes: draining });
  const living = all.filter(({ state }) => state !== 'lost');
  for (const { id, redisLag } of living) {
    const severity = severityOf(redisLag, LAG);
    if (severity !== undefined) found.push({ what: 'lag', severity, node: id, seconds: redisLag });
  }
  for (const [queue, { oldestAge, failed }] of Object.entries(queues.value ?? {})) {
    const severity = severityOf(oldestAge, AGE);
    if (severity !== undefined) found.push({ what: 'queue', severity, queue, seconds: oldestAge });
    if (failed > 0) found.push({ what: 'failed', severity: 'note', queue, count: failed });
  }
  found.push(...keySetFindings([hub.value.keySet, ...living.map(({ keySet }) => keySet)]));
  const versions = [...new Set(living.map(({ version }) => version))].toSorted();
  if (versions.length > 1) found.push({ what: 'versions', severity: 'note', versions });
  const { warnings = [], warningCodes = [] } = hub.value;
  for (const [index, warning] of warnings.entries()) found.push({ what: 'setting', severity: 'note', warning, coded: warningCodes[index] });
  return found.toSorted((a, b) => ORDER[a.severity] - ORDER[b.severity]);
}

/**
 * One finding for each host and cause. Without any keys, a program rejects every token of that
 * issuer.
 */
function keySetFindings(states: readonly (KeySetState | null | undefined)[]): Finding[] {
  const found = new Map<string, Extract<Finding, { what: 'key-set' }>>();
  for (const state of states) {
    if (state?.problem == null) continue;
    const { host, problem, fetchedAt } = state;
    const key = JSON.stringify([host, problem]);
    const before = found.get(key);
    const oldest =
      before === undefined ? fetchedAt : before.fetchedAt === null || fetchedAt === null ? null : Math.min(before.fetchedAt, fetchedAt);
    found.set(key, { what: 'key-set', severity: oldest === null ? 'bad' : 'warn', host, problem, fetchedAt: oldest });
  }
  return [...found.values()];
}

/** `unknown`: nothing has been read yet. */
type Verdict = 'unknown' | 'well' | 'warn' | 'bad';

/** The verdict over all findings: that of the worst one. Notes alone are `well`. */
export function verdictOf(findings: readonly Finding[] | undefined): Verdict {
  if (findings === undefined) return 'unknown';
  const worst = findings[0]?.severity;
  return worst === undefined || worst === 'note' ? 'well' : worst;
}
