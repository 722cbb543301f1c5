/**
 * Kubernetes' own schemas, of the API and of custom resources (npm `kubernetes-models`). They let
 * unknown keys pass: here such a key is an error.
 */
import { Gateway } from '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/Gateway';
import { HTTPRoute } from '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/HTTPRoute';
import { GCPBackendPolicy } from '@kubernetes-models/gke/networking.gke.io/v1/GCPBackendPolicy';
import { HealthCheckPolicy } from '@kubernetes-models/gke/networking.gke.io/v1/HealthCheckPolicy';
import { ScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject';
import { PrometheusRule } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule';
import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler';
import { Job } from 'kubernetes-models/batch/v1/Job';
import { Ingress } from 'kubernetes-models/networking.k8s.io/v1/Ingress';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { Namespace } from 'kubernetes-models/v1/Namespace';
import { PersistentVolumeClaim } from 'kubernetes-models/v1/PersistentVolumeClaim';
import { Secret } from 'kubernetes-models/v1/Secret';
import { Service } from 'kubernetes-models/v1/Service';
import { ServiceAccount } from 'kubernetes-models/v1/ServiceAccount';
import type { KubernetesObject } from './chart.ts';

interface Model {
  readonly apiVersion: string;
  readonly kind: string;
  readonly prototype: { validate(): void };
}

const MODELS: readonly Model[] = [
  ConfigMap,
  Deployment,
  GCPBackendPolicy,
  Gateway,
  HTTPRoute,
  HealthCheckPolicy,
  HorizontalPodAutoscaler,
  Ingress,
  Job,
  Namespace,
  NetworkPolicy,
  PersistentVolumeClaim,
  PodDisruptionBudget,
  PrometheusRule,
  ScaledObject,
  Secret,
  Service,
  ServiceAccount,
  ServiceMonitor,
];

/** Validates an object. Returns its problems: what the schema says, and keys that it does not know. */
export function schemaProblems(object: KubernetesObject): string[] {
  const model = MODELS.find(({ apiVersion, kind }) => apiVersion === object.apiVersion && kind === object.kind);
  if (model === undefined) return [`no schema for ${object.apiVersion} ${object.kind}`];
  const reads: Reads = new Map();
  try {
    model.prototype.validate.call(tracked(object, '', reads));
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
  return [...reads.values()].flatMap(({ path, target, keys }) =>
    // Nothing was read: the schema allows any object here.
    Array.isArray(target) || keys.size === 0
      ? []
      : Object.keys(target)
          .filter((key) => !keys.has(key))
          .map((key) => `unknown key ${path}/${key}`),
  );
}

/** The keys of an object that a validation has looked at. */
interface Read {
  readonly path: string;
  readonly target: object;
  readonly keys: Set<PropertyKey>;
}

type Reads = Map<object, Read>;

/**
 * Records which keys are read. The validators are compiled: they read each key that their schema
 * knows, whether it is there or not. Of a map they read all.
 */
function tracked<T extends object>(target: T, path: string, reads: Reads): T {
  const read: Read = reads.get(target) ?? { path, target, keys: new Set() };
  reads.set(target, read);
  return new Proxy(target, {
    get(_, key) {
      read.keys.add(key);
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'object' && value !== null ? tracked(value, `${path}/${String(key)}`, reads) : value;
    },
  });
}
