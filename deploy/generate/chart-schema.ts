/** The JSON schema of the chart's values. The settings in it come from the table of settings. */
import { fraction, onOff } from '#libs/config/kinds.ts';
import type { Setting } from '#libs/config/setting.ts';
import { SETTINGS } from '#libs/config/settings.ts';

/** A JSON schema (draft 7), as far as the values need it. */
type Schema = Readonly<Record<string, unknown>>;

/** The settings that the chart sets itself, from its own values or from the pod. */
const OWN_SETTINGS: readonly string[] = ['PORT', 'ADMIN_PORT', 'HOST', 'ADMIN_HOST', 'NODE_ID'];

const text: Schema = { type: 'string' };
const flag: Schema = { type: 'boolean' };
const labels: Schema = { type: 'object', additionalProperties: text };
/** A part of Kubernetes' own API, which the cluster checks. */
const foreign: Schema = { type: 'object' };
const count = (minimum: number, maximum = 1_000_000): Schema => ({ type: 'integer', minimum, maximum });
const word = (...words: readonly string[]): Schema => ({ enum: words });
const list = (items: Schema): Schema => ({ type: 'array', items });
const name: Schema = { type: 'string', pattern: '^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$', maxLength: 253 };
const host: Schema = { type: 'string', pattern: '^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$' };
const quantity: Schema = { type: ['string', 'integer'], pattern: '^[0-9]+(\\.[0-9]+)?(m|k|M|G|Ki|Mi|Gi)?$' };

/** The schema of an object with these members. It refuses every other member. */
function object(properties: Readonly<Record<string, Schema>>, required: readonly string[] = Object.keys(properties)): Schema {
  return { type: 'object', additionalProperties: false, required, properties };
}

const amounts = object({ cpu: quantity, memory: quantity });
const resources = object({ requests: amounts, limits: amounts });
const probe = object({ periodSeconds: count(1, 300), timeoutSeconds: count(1, 60), failureThreshold: count(1, 1000) });
const toggle = object({ enabled: flag, labels });
const outgoing = object({ to: list(foreign), ports: list(count(1, 65_535)) });
const pace = object({ stabilizationSeconds: count(0, 3600), pods: count(1, 100), periodSeconds: count(1, 1800) });
const program = object({
  enabled: flag,
  replicas: count(1, 1000),
  resources,
  podAnnotations: labels,
  nodeSelector: labels,
  tolerations: list(foreign),
  affinity: foreign,
  priorityClassName: name,
});

/** The names of the settings that are secrets. */
const SECRETS = Object.values<Setting<unknown>>(SETTINGS).flatMap(({ name: setting, secret }) => (secret ? [setting] : []));

/** The schema of one setting: its kind, in the terms of JSON. */
function settingSchema({ kind, meaning }: Setting<unknown>): Schema {
  const description = `${meaning} Takes ${kind.takes}.`;
  if (kind === onOff) return { description, enum: [true, false, 'on', 'off'] };
  const range = /^a whole number from (\d+) to (\d+)(?:, a multiple of (\d+))?$/.exec(kind.takes);
  if (range !== null) {
    const [, minimum, maximum, step] = range.map(Number);
    return { description, type: 'integer', minimum, maximum, ...(Number.isNaN(step) || step === undefined ? {} : { multipleOf: step }) };
  }
  if (kind.takes === fraction.takes) return { description, type: 'number', minimum: 0, maximum: 1 };
  if (/^[\w/]+( or [\w/]+)+$/.test(kind.takes)) return { description, enum: kind.takes.split(' or ') };
  return { description, type: ['string', 'boolean'] };
}

const settings = object(
  Object.fromEntries(
    Object.values<Setting<unknown>>(SETTINGS)
      .filter(({ name: setting, secret }) => !secret && !OWN_SETTINGS.includes(setting))
      .map((setting) => [setting.name, settingSchema(setting)]),
  ),
  ['DRAIN_SECONDS'],
);

/** The text of `k8s/chart/values.schema.json`. */
export function chartSchema(): string {
  const values = object({
    mode: word('cluster', 'all-in-one'),
    nameOverride: name,
    image: object({
      repository: text,
      tag: text,
      digest: { type: 'string', pattern: '^(sha256:[0-9a-f]{64})?$' },
      pullPolicy: word('Always', 'IfNotPresent', 'Never'),
      pullSecrets: list(name),
    }),
    namespace: object({ create: flag }),
    settings,
    secrets: object({
      existing: name,
      names: { type: 'array', uniqueItems: true, items: { enum: SECRETS } },
      create: flag,
      values: object(Object.fromEntries(SECRETS.map((secret) => [secret, text])), []),
    }),
    keyFiles: object({ signing: name, public: name }),
    ports: object({ http: count(1024, 65_535), admin: count(1024, 65_535) }),
    shutdown: object({ preStopSeconds: count(0, 600), marginSeconds: count(2, 600) }),
    probes: object({ startup: probe, readiness: probe, liveness: probe }),
    rollout: object({
      maxSurge: count(1, 100),
      maxUnavailable: count(0, 100),
      minReadySeconds: count(0, 3600),
      progressDeadlineSeconds: count(60, 86_400),
      revisionHistoryLimit: count(1, 100),
    }),
    gateway: program,
    api: program,
    worker: program,
    migrate: object({ enabled: flag, ttlSeconds: count(0, 31_536_000), activeDeadlineSeconds: count(60, 86_400), resources }),
    allInOne: object({
      resources,
      dataPath: { type: 'string', pattern: '^/[^:]+$' },
      persistence: object({ enabled: flag, size: quantity, storageClass: name }),
    }),
    podDisruptionBudget: object({ enabled: flag, maxUnavailable: count(1, 100) }),
    topologySpread: object({ zone: word('DoNotSchedule', 'ScheduleAnyway'), host: word('DoNotSchedule', 'ScheduleAnyway') }),
    autoscaling: object({
      enabled: flag,
      minReplicas: count(1, 1000),
      maxReplicas: count(1, 1000),
      connectionsPercent: count(10, 100),
      eventLoopLagMs: count(1, 10_000),
      scaleUp: pace,
      scaleDown: pace,
    }),
    prometheusAdapter: object({ rules: flag }),
    keda: object({
      enabled: flag,
      serverAddress: text,
      minReplicas: count(1, 1000),
      maxReplicas: count(1, 1000),
      queueAgeSeconds: count(1, 86_400),
      pollingSeconds: count(1, 3600),
      cooldownSeconds: count(0, 86_400),
    }),
    networkPolicy: object({
      enabled: flag,
      clients: list(foreign),
      monitoring: list(foreign),
      dns: list(foreign),
      redis: outgoing,
      postgres: outgoing,
      smtp: outgoing,
      keySet: outgoing,
      prometheus: outgoing,
      collector: outgoing,
    }),
    ingress: object({ enabled: flag, className: text, host, tlsSecret: name, annotations: labels }),
    gatewayApi: object({
      enabled: flag,
      create: flag,
      className: text,
      host,
      tlsSecret: name,
      annotations: labels,
      parent: object({ name, namespace: name, sectionName: name }, []),
      webSocketTimeout: { type: 'string', pattern: '^([0-9]+(h|m|s|ms))*$' },
      gke: object({ enabled: flag, timeoutSeconds: count(1, 2_147_483_647) }),
    }),
    serviceMonitor: object({ enabled: flag, intervalSeconds: count(1, 3600), labels }),
    prometheusRule: object({ enabled: flag, labels, runbooks: { type: 'string', pattern: '^https?://[^/].*$' } }),
    dashboards: toggle,
  });
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of the chart parley',
    ...values,
    properties: { ...(values['properties'] as Schema), global: { type: 'object', description: "Helm's own." } },
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}
