/** Policies about objects that name others: selectors, ports, backends, metrics. */
import type { IHorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler';
import type { IIngress } from 'kubernetes-models/networking.k8s.io/v1/Ingress';
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import type { IService } from 'kubernetes-models/v1/Service';
import { SETTINGS } from '#libs/config/settings.ts';
import { METRICS } from '#libs/telemetry/metric-table.ts';
import { type KubernetesObject, objectsOf } from './chart.ts';
import { environment, matches, ofKind, type Policy, workloads } from './chart-policies.ts';

type Labels = Readonly<Record<string, string>>;
/** The member `spec` of a custom resource. */
interface Custom<T> {
  readonly spec: T;
}

const names = (objects: readonly KubernetesObject[], kind: string): string[] => ofKind(objects, kind).map(({ metadata }) => metadata.name);

/** Every selector selects something: pods of one program, or of all. */
export const selectors: Policy = (objects) => {
  const pods = workloads(objects);
  const selecting = objects.flatMap(({ kind, metadata, spec }) => {
    const { selector, podSelector } = (spec ?? {}) as {
      selector?: Labels & { matchLabels?: Labels };
      podSelector?: { matchLabels?: Labels };
    };
    if (kind === 'ServiceMonitor' || (selector ?? podSelector) === undefined) return [];
    return [
      {
        id: `${kind} ${metadata.name}`,
        labels: kind === 'Service' ? selector : (selector ?? podSelector)?.matchLabels,
        kind,
        name: metadata.name,
      },
    ];
  });
  const targets = objects.flatMap(({ kind, metadata, spec }) => {
    const target = (spec as { scaleTargetRef?: { name: string } } | undefined)?.scaleTargetRef;
    return target === undefined ? [] : [{ id: `${kind} ${metadata.name}`, name: target.name }];
  });
  const monitors = ofKind<Custom<{ selector: { matchLabels: Labels } }>>(objects, 'ServiceMonitor');
  return [
    ...selecting.filter(({ labels }) => !pods.some((pod) => matches(labels, pod.labels))).map(({ id }) => `${id} selects nothing`),
    ...pods.flatMap(({ deployment, labels, name }) =>
      deployment === undefined || matches(deployment.spec?.selector.matchLabels, labels) ? [] : [`${name} does not select its own pods`],
    ),
    ...pods.flatMap(({ deployment, name }) =>
      deployment === undefined
        ? []
        : pods
            .filter((other) => other.name !== name && matches(deployment.spec?.selector.matchLabels, other.labels))
            .map((other) => `${name} selects the pods of ${other.name}`),
    ),
    ...pods.flatMap(({ pod, labels, name }) =>
      (pod.topologySpreadConstraints ?? [])
        .filter(({ labelSelector }) => !matches(labelSelector?.matchLabels, labels))
        .map(() => `${name} is spread by others' labels`),
    ),
    ...targets
      .filter(({ name }) => !names(objects, 'Deployment').includes(name))
      .map(({ id, name }) => `${id} scales ${name}, which is not there`),
    ...monitors
      .filter(({ spec }) => !ofKind(objects, 'Service').some(({ metadata }) => matches(spec.selector.matchLabels, metadata.labels ?? {})))
      .map(({ metadata }) => `ServiceMonitor ${metadata.name} selects no Service`),
  ];
};

/** Ports of a container by name and number. */
function portsOf(pod: ReturnType<typeof workloads>[number]): readonly (string | number | undefined)[] {
  return pod.pod.containers.flatMap(({ ports }) => (ports ?? []).flatMap(({ name, containerPort }) => [name, containerPort]));
}

/** Every port that is named exists, and the programs listen on those of their container. */
export const ports: Policy = (objects) => {
  const pods = workloads(objects);
  const services = ofKind<IService>(objects, 'Service');
  const hasPort = (service: string | undefined, port: string | number | undefined): boolean =>
    services.some(
      ({ metadata, spec }) => metadata.name === service && (spec?.ports ?? []).some((one) => one.name === port || one.port === port),
    );
  const backends = [
    ...ofKind<IIngress>(objects, 'Ingress').flatMap(({ spec }) =>
      (spec?.rules ?? []).flatMap(({ http }) =>
        (http?.paths ?? []).map(({ backend }) => [backend.service?.name, backend.service?.port?.name] as const),
      ),
    ),
    ...ofKind<Custom<{ rules: { backendRefs: { name: string; port: number }[] }[] }>>(objects, 'HTTPRoute').flatMap(({ spec }) =>
      spec.rules.flatMap(({ backendRefs }) => backendRefs.map(({ name, port }) => [name, port] as const)),
    ),
    ...ofKind<Custom<{ targetRef: { name: string } }>>(objects, 'HealthCheckPolicy').map(
      ({ spec }) => [spec.targetRef.name, 'http'] as const,
    ),
  ];
  const healthPorts = ofKind<Custom<{ default: { config: { httpHealthCheck: { port: number } } } }>>(objects, 'HealthCheckPolicy');
  const monitored = ofKind<Custom<{ endpoints: { port: string }[] }>>(objects, 'ServiceMonitor').flatMap(({ spec }) => spec.endpoints);
  return [
    ...pods.flatMap((pod) =>
      pod.pod.containers.flatMap((container) => {
        const known = portsOf(pod);
        const asked = [container.startupProbe, container.readinessProbe, container.livenessProbe].flatMap((probe) =>
          probe?.httpGet ? [probe.httpGet.port] : [],
        );
        const { PORT, ADMIN_PORT } = environment(objects, container);
        const listens = pod.deployment === undefined ? [] : [Number(ADMIN_PORT), ...(pod.role === 'worker' ? [] : [Number(PORT)])];
        return [...asked, ...listens].filter((port) => !known.includes(port)).map((port) => `${pod.name} has no port ${port}`);
      }),
    ),
    ...services.flatMap(({ metadata, spec }) =>
      pods
        .filter(({ deployment, labels }) => deployment !== undefined && matches(spec?.selector, labels))
        .flatMap((pod) =>
          (spec?.ports ?? [])
            .filter(({ targetPort }) => !portsOf(pod).includes(targetPort))
            .map(({ targetPort }) => `Service ${metadata.name}: ${pod.name} has no port ${targetPort}`),
        ),
    ),
    ...ofKind<INetworkPolicy>(objects, 'NetworkPolicy').flatMap(({ metadata, spec }) =>
      (spec?.ingress ?? [])
        .flatMap((rule) => rule.ports ?? [])
        .filter(({ port }) => !pods.some((pod) => matches(spec?.podSelector?.matchLabels, pod.labels) && portsOf(pod).includes(port)))
        .map(({ port }) => `NetworkPolicy ${metadata.name}: no pod has a port ${port}`),
    ),
    ...backends.filter(([service, port]) => !hasPort(service, port)).map(([service, port]) => `no Service ${service} with a port ${port}`),
    ...healthPorts
      .map(({ spec }) => spec.default.config.httpHealthCheck.port)
      .filter((port) => !pods.some((pod) => portsOf(pod).includes(port)))
      .map((port) => `a health check asks at ${port}, where nobody listens`),
    ...monitored
      .filter(({ port }) => !services.some(({ metadata }) => hasPort(metadata.name, port)))
      .map(({ port }) => `no Service has a port ${port} to be scraped`),
  ];
};

/** Everything named is there once: names, ConfigMaps, accounts, claims. */
export const references: Policy = (objects) => {
  const ids = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  const mentioned = workloads(objects).flatMap(({ pod }) => [
    `ServiceAccount ${pod.serviceAccountName}`,
    ...pod.containers.flatMap(({ envFrom }) => (envFrom ?? []).map(({ configMapRef }) => `ConfigMap ${configMapRef?.name}`)),
    ...(pod.volumes ?? []).flatMap(({ persistentVolumeClaim }) =>
      persistentVolumeClaim ? [`PersistentVolumeClaim ${persistentVolumeClaim.claimName}`] : [],
    ),
  ]);
  const mounts = workloads(objects).flatMap(({ name, pod }) => {
    const volumes = (pod.volumes ?? []).map((volume) => volume.name);
    const mounted = pod.containers.flatMap(({ volumeMounts }) => (volumeMounts ?? []).map((mount) => mount.name));
    return [
      ...mounted.filter((volume) => !volumes.includes(volume)).map((volume) => `${name} mounts ${volume}, which is not there`),
      ...volumes.filter((volume) => !mounted.includes(volume)).map((volume) => `${name} has a volume ${volume} that nothing mounts`),
    ];
  });
  return [
    ...ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `${id} is there twice`),
    ...mentioned.filter((id) => !ids.includes(id)).map((id) => `${id} is not there`),
    ...mounts,
  ];
};

/** Nothing is let in or out by default, and pods get what they need: Redis, PostgreSQL, mail. */
export const network: Policy = (objects) => {
  const policies = ofKind<INetworkPolicy>(objects, 'NetworkPolicy');
  const denies = policies.filter(
    ({ spec }) => (['Ingress', 'Egress'] as const).every((type) => spec?.policyTypes?.includes(type)) && !spec?.ingress,
  );
  const isSet = (setting: string): boolean => objects.some(({ kind, data }) => kind === 'ConfigMap' && Object.hasOwn(data ?? {}, setting));
  return workloads(objects).flatMap(({ name, role, labels }) => {
    const mine = policies.filter(({ spec }) => matches(spec?.podSelector?.matchLabels, labels));
    const out = mine.flatMap(({ spec }) => (spec?.egress ?? []).flatMap((rule) => rule.ports ?? [])).map(({ port }) => port);
    const open = mine
      .flatMap(({ spec }) => [...(spec?.ingress ?? []), ...(spec?.egress ?? [])])
      .filter((rule) => (rule.ports ?? []).length === 0);
    const needed = role === 'all-in-one' ? [53] : role === 'worker' ? [53, 6379, 5432, 587] : [53, 6379, 5432];
    if (isSet('PROMETHEUS_URL') && role === 'api') needed.push(9090);
    if (isSet('OTEL_EXPORTER_OTLP_ENDPOINT') && role !== 'migrate') needed.push(4318);
    return [
      ...(denies.some(({ spec }) => matches(spec?.podSelector?.matchLabels, labels)) ? [] : [`${name} has no default deny`]),
      ...(open.length > 0 ? [`${name}: a rule allows every port`] : []),
      ...needed.filter((port) => !out.includes(port)).map((port) => `${name} cannot reach port ${port}`),
      ...(role !== 'worker' && role !== 'all-in-one' && out.includes(587) ? [`${name} may reach the mail server`] : []),
    ];
  });
};

/** Autoscalers: no fixed number beside them, slow down, and metrics that the programs have. */
export const autoscalers: Policy = (objects) => {
  const scaled = objects.flatMap(({ kind, spec }) => {
    const target = (spec as { scaleTargetRef?: { name: string } } | undefined)?.scaleTargetRef;
    return target === undefined ? [] : [{ kind, name: target.name }];
  });
  const adapters = ofKind<{ data: Labels }>(objects, 'ConfigMap').filter(({ metadata }) => metadata.name.endsWith('-prometheus-adapter'));
  const rules = adapters.flatMap(({ data }) =>
    objectsOf(data['config.yaml'] ?? '').flatMap(
      (config) => (config as unknown as { rules: { seriesQuery: string; name?: { as: string } }[] }).rules,
    ),
  );
  const offered = rules.map(({ seriesQuery, name }) => name?.as ?? seriesQuery.replace(/\{.*/, ''));
  const autoscaling = ofKind<IHorizontalPodAutoscaler>(objects, 'HorizontalPodAutoscaler');
  const wanted = autoscaling.flatMap(({ spec }) => (spec?.metrics ?? []).map(({ pods }) => pods?.metric.name ?? ''));
  const queries = [
    ...rules.map(({ seriesQuery }) => seriesQuery),
    ...ofKind<Custom<{ triggers: { metadata: { query: string } }[] }>>(objects, 'ScaledObject').flatMap(({ spec }) =>
      spec.triggers.map(({ metadata }) => metadata.query),
    ),
  ];
  const series = queries.flatMap((query) => query.match(/parley_\w+/g) ?? ['(none)']);
  const known: readonly string[] = METRICS.map(({ name }) => name);
  return [
    ...workloads(objects)
      .filter(({ name, deployment }) => deployment?.spec?.replicas !== undefined && scaled.some((one) => one.name === name))
      .map(({ name }) => `${name} has a fixed number beside its autoscaler`),
    ...autoscaling.flatMap(({ metadata, spec }) => {
      const down = spec?.behavior?.scaleDown;
      const slow =
        (down?.stabilizationWindowSeconds ?? 0) >= 600 &&
        (down?.policies ?? []).every(({ value, periodSeconds }) => value === 1 && periodSeconds >= 300);
      return slow && (down?.policies ?? []).length > 0 ? [] : [`${metadata.name} takes pods away fast`];
    }),
    ...wanted.filter((name) => !offered.includes(name)).map((name) => `nobody offers the metric ${name}`),
    ...series.filter((name) => !known.includes(name)).map((name) => `no program has the metric ${name}`),
  ];
};

/** What stands in front of the gateways keeps a silent WebSocket open, and the namespace is strict. */
export const entrance: Policy = (objects) => {
  const routes = ofKind<Custom<{ rules: { timeouts?: object }[] }>>(objects, 'HTTPRoute');
  const onGke = names(objects, 'HealthCheckPolicy').length > 0;
  const reads = ofKind<IIngress>(objects, 'Ingress').flatMap(({ metadata }) =>
    Object.entries(metadata.annotations ?? {}).filter(([name]) => name.endsWith('proxy-read-timeout')),
  );
  const namespaces = ofKind(objects, 'Namespace');
  return [
    ...(onGke && routes.some(({ spec }) => spec.rules.some(({ timeouts }) => timeouts !== undefined))
      ? ['GKE refuses routes with timeouts']
      : []),
    ...reads.filter(([, value]) => Number(value) <= SETTINGS.heartbeatSeconds.default).map(([name]) => `${name} ends a silent WebSocket`),
    ...namespaces
      .filter(({ metadata }) => metadata.labels?.['pod-security.kubernetes.io/enforce'] !== 'restricted')
      .map(({ metadata }) => `the namespace ${metadata.name} lets every pod in`),
  ];
};
