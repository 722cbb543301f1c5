/** What every release of the chart has to keep, beside Kubernetes' schemas. */
import { writeFileSync } from 'node:fs';
import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment';
import type { IJob } from 'kubernetes-models/batch/v1/Job';
import type { IConfigMap } from 'kubernetes-models/v1/ConfigMap';
import type { IContainer } from 'kubernetes-models/v1/Container';
import type { IPodSpec } from 'kubernetes-models/v1/PodSpec';
import type { IProbe } from 'kubernetes-models/v1/Probe';
import { ConfigError, loadConfig } from '#libs/config/config.ts';
import type { Role, Setting } from '#libs/config/setting.ts';
import { SETTINGS } from '#libs/config/settings.ts';
import type { KubernetesObject } from './chart.ts';
import { makeFolder } from './temp-folder.ts';

/** Finds what is wrong with the objects of a release. Each problem is a sentence. */
export type Policy = (objects: readonly KubernetesObject[]) => readonly string[];

/** A template of pods: of a Deployment or a Job. */
interface Workload {
  readonly name: string;
  /** The program: the last label. */
  readonly role: string;
  readonly labels: Labels;
  readonly pod: IPodSpec;
  readonly deployment: IDeployment | undefined;
}

type Labels = Readonly<Record<string, string>>;

const ALL_SETTINGS = new Map(Object.values<Setting<unknown>>(SETTINGS).map((setting) => [setting.name, setting]));
const UID = 10_001;
/** Seconds after DRAIN_SECONDS at which a program ends by force, see `process-life.ts`. */
const FORCED_SECONDS = 1;

/** The objects of a kind. They have passed its schema. */
export function ofKind<T>(objects: readonly KubernetesObject[], kind: string): readonly (T & KubernetesObject)[] {
  return objects.filter((object) => object.kind === kind) as readonly unknown[] as readonly (T & KubernetesObject)[];
}

/** Every template of pods in a release. */
export function workloads(objects: readonly KubernetesObject[]): Workload[] {
  return objects.flatMap((object) => {
    if (object.kind !== 'Deployment' && object.kind !== 'Job') return [];
    const { spec } = object as unknown as IDeployment | IJob;
    const labels = spec?.template.metadata?.labels ?? {};
    const pod = spec?.template.spec;
    if (pod === undefined) return [];
    const deployment = object.kind === 'Deployment' ? (object as unknown as IDeployment) : undefined;
    return [{ name: object.metadata.name, role: labels['app.kubernetes.io/component'] ?? '', labels, pod, deployment }];
  });
}

/** The settings of a container: the ConfigMaps that it names, then its own variables. */
export function environment(objects: readonly KubernetesObject[], container: IContainer): Readonly<Record<string, string>> {
  const maps = (container.envFrom ?? []).map(
    ({ configMapRef }) => ofKind<IConfigMap>(objects, 'ConfigMap').find(({ metadata }) => metadata.name === configMapRef?.name)?.data,
  );
  const own = Object.fromEntries((container.env ?? []).map(({ name, value }) => [name, value ?? '']));
  return Object.assign({}, ...maps, own) as Record<string, string>;
}

/** Calls `find` for each container of each pod. */
function eachContainer(
  find: (container: IContainer, workload: Workload, objects: readonly KubernetesObject[]) => readonly string[],
): Policy {
  return (objects) =>
    workloads(objects).flatMap((workload) =>
      workload.pod.containers.flatMap((container) =>
        find(container, workload, objects).map((problem) => `${workload.name}/${container.name}: ${problem}`),
      ),
    );
}

/** The sentences whose condition is false. */
function unless(...conditions: readonly (readonly [boolean, string])[]): string[] {
  return conditions.filter(([holds]) => !holds).map(([, problem]) => problem);
}

/** Every pod keeps the restricted profile of Kubernetes, as user 10001. */
export const restricted: Policy = (objects) => [
  ...workloads(objects).flatMap(({ name, pod }) =>
    unless(
      [pod.securityContext?.runAsNonRoot === true, `${name} may run as root`],
      [pod.securityContext?.runAsUser === UID, `${name} does not run as ${UID}`],
      [pod.securityContext?.seccompProfile?.type === 'RuntimeDefault', `${name} has no seccomp profile`],
      [!pod.hostNetwork && !pod.hostPID && !pod.hostIPC, `${name} shares a namespace of its machine`],
      [pod.automountServiceAccountToken === false, `${name} has a token for Kubernetes`],
      [pod.enableServiceLinks === false, `${name} gets variables of every Service`],
      [(pod.volumes ?? []).every((volume) => !volume.hostPath), `${name} mounts a folder of its machine`],
    ),
  ),
  ...eachContainer(({ securityContext, image }) =>
    unless(
      [securityContext?.allowPrivilegeEscalation === false, 'may escalate privileges'],
      [securityContext?.privileged !== true, 'is privileged'],
      [securityContext?.runAsUser === undefined || securityContext.runAsUser === UID, `does not run as ${UID}`],
      [securityContext?.capabilities?.drop?.includes('ALL') === true && !securityContext.capabilities.add, 'keeps capabilities'],
      [/@sha256:|:(?!latest$)[^:/]+$/.test(image ?? ''), 'its image has no version'],
    ),
  )(objects),
];

/** The root is read-only. Only /tmp can be written to, and the folder of the all-in-one's data. */
export const readOnlyRoot: Policy = eachContainer(({ securityContext, volumeMounts }, { pod, role }) => {
  const writable = (volumeMounts ?? []).filter(({ name }) => {
    const volume = (pod.volumes ?? []).find((one) => one.name === name);
    return volume?.emptyDir !== undefined || volume?.persistentVolumeClaim !== undefined;
  });
  const allowed = role === 'all-in-one' ? ['/tmp', '/data'] : ['/tmp'];
  return [
    ...unless(
      [securityContext?.readOnlyRootFilesystem === true, 'its root can be written to'],
      [writable.some(({ mountPath }) => mountPath === '/tmp'), '/tmp cannot be written to'],
    ),
    ...writable.filter(({ mountPath }) => !allowed.includes(mountPath)).map(({ mountPath }) => `${mountPath} can be written to`),
  ];
});

/** Every container has requests and limits of CPU and memory, and the limit is the larger one. */
export const limits: Policy = eachContainer(({ resources }) =>
  (['requests', 'limits'] as const).flatMap((part) =>
    ['cpu', 'memory'].filter((of) => resources?.[part]?.[of] === undefined).map((of) => `has no ${part}.${of}`),
  ),
);

const patience = (probe: IProbe): number => (probe.periodSeconds ?? 10) * (probe.failureThreshold ?? 3);

/** Each program of a Deployment has three probes, which ask different things. */
export const probes: Policy = eachContainer(({ startupProbe, readinessProbe, livenessProbe }, { deployment }) => {
  if (deployment === undefined) return [];
  if (!startupProbe || !readinessProbe || !livenessProbe) return ['lacks a probe'];
  const paths = [startupProbe, readinessProbe, livenessProbe].map(({ httpGet }) => httpGet?.path);
  return unless(
    [paths.join() === '/startupz,/readyz,/healthz', `its probes ask for ${paths.join()}`],
    [patience(startupProbe) >= 300, 'gets less than five minutes for its start'],
    [patience(startupProbe) < (deployment.spec?.progressDeadlineSeconds ?? 600), 'a rollout is given up before its start is'],
    [patience(readinessProbe) <= 10, 'gets clients for more than ten seconds after it became unready'],
    [patience(livenessProbe) >= 60 && patience(livenessProbe) > patience(readinessProbe), 'is killed for being busy'],
  );
});

/** A pod has time for preStop, its drain, and the forced end. */
export const grace: Policy = eachContainer((container, { pod, deployment }, objects) => {
  if (deployment === undefined) return [];
  const before = container.lifecycle?.preStop?.sleep?.seconds ?? 0;
  const drain = Number(environment(objects, container)['DRAIN_SECONDS'] ?? SETTINGS.drainSeconds.default);
  const has = pod.terminationGracePeriodSeconds ?? 30;
  const needs = before + drain + FORCED_SECONDS;
  return [
    ...unless([has > needs, `gets ${has} s to end, and needs more than ${needs}`]),
    ...unless([before >= 5 || container.name === 'all-in-one', 'gets SIGTERM before balancers know that it ends']),
  ];
});

/** A rollout adds one pod before it takes one, waits between pods, and each program has a budget. */
export const rollout: Policy = (objects) =>
  workloads(objects).flatMap(({ name, labels, pod, deployment, role }) => {
    const spec = deployment?.spec;
    if (spec === undefined || role === 'all-in-one') return [];
    const budgets = ofKind<{ spec: { selector: { matchLabels: Labels }; maxUnavailable: number } }>(objects, 'PodDisruptionBudget');
    const budget = budgets.find((one) => matches(one.spec.selector.matchLabels, labels));
    return unless(
      [
        spec.strategy?.rollingUpdate?.maxSurge === 1 && spec.strategy.rollingUpdate.maxUnavailable === 0,
        `${name} takes pods before new ones serve`,
      ],
      [(spec.minReadySeconds ?? 0) >= 30, `${name} goes on to the next pod before clients are back`],
      [budget?.spec.maxUnavailable === 1, `${name} has no PodDisruptionBudget`],
      [(pod.topologySpreadConstraints ?? []).length >= 2, `${name} is not spread over machines and zones`],
    );
  });

/** Whether labels are all selected. */
export function matches(selector: Labels | undefined, labels: Labels): boolean {
  return selector !== undefined && Object.entries(selector).every(([key, value]) => labels[key] === value);
}

const SECRET_FILE = /_FILE$/;

/** Every name of a setting is one, and no secret stands in a ConfigMap or in plain text. */
export const settings: Policy = (objects) => {
  const maps = ofKind<IConfigMap>(objects, 'ConfigMap').filter(({ metadata }) => metadata.name.endsWith('-settings'));
  const inMaps = maps.flatMap(({ data }) => Object.keys(data ?? {}));
  const containers = workloads(objects).flatMap(({ pod }) => pod.containers);
  const plain = containers.flatMap(({ env }) => (env ?? []).map(({ name }) => name));
  const secrets = ofKind<{ data?: Labels }>(objects, 'Secret').flatMap(({ data }) => Object.keys(data ?? {}));
  const secretTexts = ofKind<IConfigMap>(objects, 'ConfigMap').filter(({ data }) =>
    Object.values(data ?? {}).some((text) => /:\/\/[^/\s:]+:[^/\s@]+@|-----BEGIN/.test(text)),
  );
  return [
    ...unless([maps.length > 0, 'there are no settings']),
    ...[...inMaps, ...plain, ...secrets]
      .map((name) => name.replace(SECRET_FILE, ''))
      .filter((name) => !ALL_SETTINGS.has(name))
      .map((name) => `${name} is no setting`),
    ...plain
      .filter((name) => SECRET_FILE.test(name) && !ALL_SETTINGS.get(name.replace(SECRET_FILE, ''))?.secret)
      .map((name) => `${name} is for no secret`),
    ...[...inMaps, ...plain].filter((name) => ALL_SETTINGS.get(name)?.secret).map((name) => `${name} is a secret in plain text`),
    ...secretTexts.map(({ metadata }) => `${metadata.name} has a secret in its text`),
  ];
};

const MOUNT = '/run/secrets/parley/';
const SECRETS: Readonly<Record<string, string>> = {
  REDIS_URL: 'redis://redis',
  DATABASE_URL: 'postgres://user:word@postgres/chat',
  SMTP_URL: 'smtp://mail',
  JWT_SECRET: '6f1d0a3c58b2e97f4410d2ab9c3e7756',
  ADMIN_PASSWORD: 'a long enough password',
  API_KEYS: `shop:${'k7'.repeat(20)}`,
};
let secretFolder: string | undefined;

/** A folder with a file for each secret, in place of the mounted one. */
function mounted(): string {
  if (secretFolder === undefined) {
    secretFolder = `${makeFolder('parley-secrets-')}/`;
    for (const [name, secret] of Object.entries(SECRETS)) writeFileSync(`${secretFolder}${name}`, secret);
  }
  return secretFolder;
}

/** Each program starts with the settings and the files that it gets: read by its own code. */
export const accepted: Policy = eachContainer((container, { role }, objects) => {
  const variables = Object.entries(environment(objects, container)).map(([name, value]) => [name, value.replace(MOUNT, mounted())]);
  try {
    loadConfig(role as Role, Object.fromEntries(variables) as Record<string, string>);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
});

/** Every file of a secret is mounted, and from a Secret that is made here or named by the values. */
export const secretFiles: Policy = eachContainer((container, { pod }) => {
  const files = (container.volumeMounts ?? []).flatMap(({ name, mountPath }) => {
    const secret = (pod.volumes ?? []).find((volume) => volume.name === name)?.secret;
    return (secret?.items ?? []).map(({ path }) => `${mountPath}/${path}`);
  });
  const named = (container.env ?? []).filter(({ name }) => SECRET_FILE.test(name)).map(({ value }) => value ?? '');
  const modes = (pod.volumes ?? []).filter(({ secret }) => secret !== undefined && secret.defaultMode !== 0o440);
  return [
    ...named.filter((path) => !files.includes(path)).map((path) => `${path} is not mounted`),
    ...files.filter((path) => !named.includes(path)).map((path) => `${path} is mounted and not read`),
    ...modes.map(({ name }) => `others may read the files of ${name}`),
  ];
});
