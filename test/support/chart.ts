/** The chart as helm renders it, parsed. */
import { parseAllDocuments } from 'yaml';
import { type Render, render } from '#deploy/kubernetes/manifests.ts';

/** One object of Kubernetes. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [member: string]: unknown;
}

/** Parses a text of several documents, as Kubernetes reads it: YAML 1.1, in which `on` is true. */
export function objectsOf(text: string): KubernetesObject[] {
  return parseAllDocuments(text, { version: '1.1', merge: true }).flatMap((document) => {
    if (document.errors[0] !== undefined) throw document.errors[0];
    const value: KubernetesObject | null = document.toJS();
    return value === null ? [] : [value];
  });
}

/** The files of values that are there, and a release that uses what they leave out. */
export const RELEASES: Readonly<Record<string, Render>> = {
  dev: { values: ['k8s/values/dev.yaml'] },
  prod: { values: ['k8s/values/prod.yaml'] },
  'prod-cluster': { values: ['k8s/values/prod-cluster.yaml'] },
  gke: { values: ['k8s/values/prod-cluster.yaml', 'k8s/values/gke.yaml'] },
  'made secrets, keys, a path': {
    set: {
      'secrets.create': true,
      'secrets.values': { REDIS_URL: 'redis://redis', DATABASE_URL: 'postgres://u:p@postgres/chat', SMTP_URL: 'smtp://mail' },
      keyFiles: { signing: 'parley-signing', public: 'parley-public' },
      'settings.JWT_SIGNING_KEY': '/run/secrets/parley-signing/key.pem',
      'settings.JWT_PUBLIC_KEYS': '/run/secrets/parley-keys/old.pem',
      'settings.JWT_JWKS_URL': 'https://login.example.com/keys',
      'settings.PROMETHEUS_URL': 'http://prometheus:9090',
      'settings.OTEL_EXPORTER_OTLP_ENDPOINT': 'http://collector:4318',
      'settings.OTEL_TRACES_SAMPLER_ARG': 0.01,
      'settings.JWT_ISSUER': 'https://login.example.com',
      'settings.JWT_AUDIENCE': 'chat',
      'settings.PUBLIC_URL': 'https://example.com/chat',
      'settings.ALLOW_GUESTS': true,
      'settings.USER_BYTES_BURST': 1_000_000_000,
      'image.pullSecrets': ['registry'],
      'gateway.priorityClassName': 'high',
      'gateway.tolerations': [{ key: 'chat', operator: 'Exists' }],
      'gateway.nodeSelector': { pool: 'chat' },
      gatewayApi: { enabled: true, host: 'example.com', parent: { name: 'shared', namespace: 'edge' } },
    },
  },
  'all-in-one without a disk, with mail': {
    set: {
      mode: 'all-in-one',
      'allInOne.persistence.enabled': false,
      'secrets.existing': 'own',
      'secrets.names': ['SMTP_URL'],
      'settings.OTEL_EXPORTER_OTLP_ENDPOINT': 'http://collector:4318',
      ingress: { enabled: true, host: 'chat.example.com' },
    },
  },
};

const rendered = new Map<string, Promise<KubernetesObject[]>>();

/** Returns the objects of a release. Renders it once. */
export function release(name: string): Promise<KubernetesObject[]> {
  const options = RELEASES[name];
  if (options === undefined) throw new TypeError(name);
  let objects = rendered.get(name);
  if (objects === undefined) {
    objects = render(options).then(objectsOf);
    rendered.set(name, objects);
  }
  return objects;
}
