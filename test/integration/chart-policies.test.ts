/** Policies of our own for what the chart renders. Each is seen to find what it is for. */
import { describe, expect, test } from 'vitest';
import { type KubernetesObject, RELEASES, release } from '#test/support/chart.ts';
import * as links from '#test/support/chart-links.ts';
import * as pods from '#test/support/chart-policies.ts';

const POLICIES: Readonly<Record<string, pods.Policy>> = {
  restricted: pods.restricted,
  readOnlyRoot: pods.readOnlyRoot,
  limits: pods.limits,
  probes: pods.probes,
  grace: pods.grace,
  rollout: pods.rollout,
  settings: pods.settings,
  accepted: pods.accepted,
  secretFiles: pods.secretFiles,
  selectors: links.selectors,
  ports: links.ports,
  references: links.references,
  network: links.network,
  autoscalers: links.autoscalers,
  entrance: links.entrance,
};

describe.each(Object.keys(RELEASES))('%s', (name) => {
  test.each(Object.keys(POLICIES))('keeps the policy %s', async (policy) => {
    expect(POLICIES[policy]?.(await release(name))).toEqual([]);
  });
});

/** A change of one member of one object. Without a value the member is taken out. */
interface Fault {
  readonly policy: string;
  readonly release: string;
  /** Kind and name. */
  readonly object: string;
  /** Members, with dots between them; a dot in a name is written ~. */
  readonly path: string;
  readonly value?: unknown;
  /** What the policy says. */
  readonly problem: RegExp;
}

const GATEWAY = 'Deployment parley-gateway';
const POD = 'spec.template.spec';
const CONTAINER = `${POD}.containers.0`;
const SETTINGS_MAP = 'ConfigMap parley-settings';

function fault(policy: string, object: string, path: string, value: unknown, problem: RegExp, from = 'prod'): Fault {
  return { policy, release: from, object, path, value, problem };
}

const FAULTS: readonly Fault[] = [
  fault('restricted', GATEWAY, `${POD}.securityContext.runAsNonRoot`, false, /may run as root/),
  fault('restricted', GATEWAY, `${POD}.securityContext.runAsUser`, 0, /does not run as 10001/),
  fault('restricted', 'Deployment parley-worker', `${POD}.securityContext.seccompProfile`, undefined, /no seccomp/),
  fault('restricted', GATEWAY, `${POD}.hostNetwork`, true, /shares a namespace/),
  fault('restricted', GATEWAY, `${POD}.automountServiceAccountToken`, undefined, /token/),
  fault('restricted', GATEWAY, `${POD}.enableServiceLinks`, undefined, /variables of every Service/),
  fault('restricted', GATEWAY, `${CONTAINER}.securityContext.allowPrivilegeEscalation`, undefined, /escalate/),
  fault('restricted', GATEWAY, `${CONTAINER}.securityContext.capabilities.drop`, [], /capabilities/),
  fault('restricted', GATEWAY, `${CONTAINER}.image`, 'parley-hub:latest', /no version/),
  fault('readOnlyRoot', GATEWAY, `${CONTAINER}.securityContext.readOnlyRootFilesystem`, undefined, /root can be written/),
  fault('readOnlyRoot', GATEWAY, `${CONTAINER}.volumeMounts.0.mountPath`, '/app', /\/app can be written/),
  fault('limits', 'Deployment parley-api', `${CONTAINER}.resources.limits.memory`, undefined, /no limits.memory/),
  fault('probes', GATEWAY, `${CONTAINER}.livenessProbe.httpGet.path`, '/readyz', /probes ask for/),
  fault('probes', GATEWAY, `${CONTAINER}.startupProbe`, undefined, /lacks a probe/),
  fault('probes', GATEWAY, `${CONTAINER}.livenessProbe.failureThreshold`, 1, /killed for being busy/),
  fault('probes', GATEWAY, 'spec.progressDeadlineSeconds', 300, /given up/),
  fault('grace', GATEWAY, `${POD}.terminationGracePeriodSeconds`, 71, /needs more than 71/),
  fault('grace', SETTINGS_MAP, 'data.DRAIN_SECONDS', '120', /needs more than 131/),
  fault('grace', GATEWAY, `${CONTAINER}.lifecycle`, undefined, /before balancers know/),
  fault('rollout', GATEWAY, 'spec.strategy.rollingUpdate.maxUnavailable', 1, /takes pods before/),
  fault('rollout', GATEWAY, 'spec.minReadySeconds', 0, /before clients are back/),
  fault('rollout', 'PodDisruptionBudget parley-gateway', 'spec.maxUnavailable', 0, /no PodDisruptionBudget/),
  fault('rollout', GATEWAY, `${POD}.topologySpreadConstraints`, [], /not spread/),
  fault('settings', SETTINGS_MAP, 'data.DRAIN_SECOND', '1', /DRAIN_SECOND is no setting/),
  fault('settings', SETTINGS_MAP, 'data.JWT_SECRET', 'x', /JWT_SECRET is a secret in plain text/),
  fault('settings', GATEWAY, `${CONTAINER}.env.2.name`, 'REDIS_URI_FILE', /REDIS_URI is no setting/),
  fault('settings', GATEWAY, `${CONTAINER}.env.2.name`, 'REDIS_URL', /REDIS_URL is a secret in plain text/),
  fault('settings', SETTINGS_MAP, 'data.DASHBOARD_URL', 'https://me:word@grafana', /has a secret in its text/),
  fault('accepted', SETTINGS_MAP, 'data.HEARTBEAT_SECONDS', '33', /HEARTBEAT_SECONDS takes/),
  fault('accepted', 'Deployment parley-worker', `${CONTAINER}.env.5`, undefined, /SMTP_URL is not set/),
  fault('secretFiles', GATEWAY, `${CONTAINER}.env.2.value`, '/run/secrets/REDIS_URL', /is not mounted/),
  fault('secretFiles', GATEWAY, `${POD}.volumes.1.secret.defaultMode`, 0o444, /others may read/),
  fault('selectors', 'Service parley-gateway', 'spec.selector.app~kubernetes~io/component', 'gatway', /selects nothing/),
  fault('selectors', GATEWAY, 'spec.selector.matchLabels.app~kubernetes~io/component', 'api', /does not select its own/),
  fault('selectors', GATEWAY, 'spec.selector.matchLabels', { 'app.kubernetes.io/name': 'parley' }, /selects the pods of parley-api/),
  fault('selectors', 'HorizontalPodAutoscaler parley-gateway', 'spec.scaleTargetRef.name', 'parley', /not there/, 'prod-cluster'),
  fault('selectors', 'ServiceMonitor parley', 'spec.selector.matchLabels', { a: 'b' }, /selects no Service/),
  fault('ports', GATEWAY, `${CONTAINER}.livenessProbe.httpGet.port`, 'health', /no port health/),
  fault('ports', GATEWAY, `${CONTAINER}.ports.0.containerPort`, 8081, /no port 8080/),
  fault('ports', 'Service parley-api', 'spec.ports.0.targetPort', 'web', /no port web/),
  fault('ports', 'NetworkPolicy parley-gateway', 'spec.ingress.0.ports.0.port', 'https', /no pod has a port https/),
  fault('ports', 'Ingress parley', 'spec.rules.0.http.paths.0.backend.service.name', 'parley', /no Service parley /),
  fault('ports', 'HTTPRoute parley', 'spec.rules.1.backendRefs.0.port', 8080, /no Service parley-api with a port 8080/, 'prod-cluster'),
  fault('ports', 'HealthCheckPolicy parley-api', 'spec.default.config.httpHealthCheck.port', 80, /health check asks at 80/, 'gke'),
  fault('ports', 'ServiceMonitor parley', 'spec.endpoints.0.port', 'metrics', /port metrics/),
  fault('references', 'PodDisruptionBudget parley-api', 'metadata.name', 'parley-gateway', /is there twice/),
  fault('references', SETTINGS_MAP, 'metadata.name', 'settings', /ConfigMap parley-settings is not there/),
  fault('references', GATEWAY, `${CONTAINER}.volumeMounts.1.name`, 'secret', /mounts secret, which is not there/),
  fault('network', 'NetworkPolicy parley-default', 'spec.policyTypes', ['Ingress'], /no default deny/),
  fault('network', 'NetworkPolicy parley-admin', 'spec.ingress.0.ports', undefined, /allows every port/),
  fault('network', 'NetworkPolicy parley-worker', 'spec.egress.2', undefined, /parley-worker cannot reach port 587/),
  fault(
    'network',
    'NetworkPolicy parley-api',
    'spec.egress.3',
    undefined,
    /parley-api cannot reach port 9090/,
    'made secrets, keys, a path',
  ),
  fault('network', 'NetworkPolicy parley-gateway', 'spec.egress.0.ports.0.port', 587, /may reach the mail server/),
  fault('autoscalers', GATEWAY, 'spec.replicas', 3, /fixed number/, 'prod-cluster'),
  fault(
    'autoscalers',
    'HorizontalPodAutoscaler parley-gateway',
    'spec.behavior.scaleDown',
    undefined,
    /takes pods away fast/,
    'prod-cluster',
  ),
  fault(
    'autoscalers',
    'HorizontalPodAutoscaler parley-gateway',
    'spec.metrics.0.pods.metric.name',
    'connections',
    /nobody offers/,
    'prod-cluster',
  ),
  fault(
    'autoscalers',
    'ScaledObject parley-worker',
    'spec.triggers.0.metadata.query',
    'max(parley_job_age_seconds)',
    /no program has/,
    'prod-cluster',
  ),
  fault('entrance', 'HTTPRoute parley', 'spec.rules.0.timeouts', { request: '0s' }, /GKE refuses/, 'gke'),
  fault('entrance', 'Ingress parley', 'metadata.annotations.nginx~ingress~kubernetes~io/proxy-read-timeout', '30', /silent WebSocket/),
  fault('entrance', 'Namespace parley', 'metadata.labels', {}, /lets every pod in/),
];

/** A copy of the objects with the fault. */
function broken(objects: readonly KubernetesObject[], { object, path, value }: Fault): KubernetesObject[] {
  const copies = structuredClone(objects) as KubernetesObject[];
  const steps = path.split('.').map((step) => step.replaceAll('~', '.'));
  const last = steps.pop() ?? '';
  let at: unknown = copies.find(({ kind, metadata }) => `${kind} ${metadata.name}` === object);
  for (const step of steps) at = (at as Record<string, unknown> | undefined)?.[step];
  if (typeof at !== 'object' || at === null) throw new TypeError(`${object} has no ${path}`);
  if (Array.isArray(at) && value === undefined) at.splice(Number(last), 1);
  else if (value === undefined) delete (at as Record<string, unknown>)[last];
  else (at as Record<string, unknown>)[last] = value;
  return copies;
}

test.each(FAULTS)('$policy sees: $object, $path = $value', async (one) => {
  expect(POLICIES[one.policy]?.(broken(await release(one.release), one)).join('\n')).toMatch(one.problem);
});

test('every policy is seen to find a fault', () => {
  expect(new Set(FAULTS.map(({ policy }) => policy))).toEqual(new Set(Object.keys(POLICIES)));
});
