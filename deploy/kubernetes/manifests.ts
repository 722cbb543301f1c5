/** The manifests of `k8s/manifests/`, rendered from the chart for `kubectl apply -k`. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from '#deploy/check/step.ts';
import type { GeneratedFile } from '#deploy/generate/generated.ts';
import { runTool } from './tools.ts';

/** The folder of the chart. */
export const CHART = join('k8s', 'chart');

/** The values that are rendered, by the folder of their manifests. */
export const VARIANTS = ['dev', 'prod', 'prod-cluster'] as const;

/** A release of `helm template`. */
export interface Render {
  /** Files of values, later ones win. */
  readonly values?: readonly string[];
  /** More values, as `helm --set-json` takes them. */
  readonly set?: Readonly<Record<string, unknown>>;
  /** Another chart than `CHART`. */
  readonly chart?: string;
}

/** Arguments of helm for a render. */
export function valueArguments({ values = [], set = {} }: Render): string[] {
  return [
    ...values.flatMap((file) => ['--values', file]),
    ...Object.entries(set).flatMap(([path, value]) => ['--set-json', `${path}=${JSON.stringify(value)}`]),
  ];
}

/** Renders the chart as the release `parley`. Rejects with helm's message. */
export async function render(options: Render = {}): Promise<string> {
  const where = ['parley', options.chart ?? CHART, '--namespace', 'parley'];
  const { code, stdout, stderr } = await runTool('helm', ['template', ...where, ...valueArguments(options)]);
  if (code !== 0) throw new Error(stderr.trim());
  return stdout;
}

/** The file of values of a variant. */
function valuesFile(variant: string): string {
  return join('k8s', 'values', `${variant}.yaml`);
}

/** Every file of `k8s/manifests/`. */
export async function manifestFiles(): Promise<GeneratedFile[]> {
  const files = await Promise.all(
    VARIANTS.map(async (variant) => {
      const folder = `k8s/manifests/${variant}`;
      const head = `# Made by \`npm run generate\` from k8s/chart and k8s/values/${variant}.yaml: change those.\n`;
      return [
        { path: `${folder}/parley.yaml`, wanted: head + (await render({ values: [valuesFile(variant)] })) },
        {
          path: `${folder}/kustomization.yaml`,
          wanted: `${head}apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [parley.yaml]\n`,
        },
      ];
    }),
  );
  return files.flat().map(({ path, wanted }) => ({ path, found: present(path), wanted }));
}

/** Writes a generated file if it is out of date, and says so. */
export function writeGenerated({ path, found, wanted }: GeneratedFile): void {
  if (found === wanted) return;
  const file = join(ROOT, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, wanted);
  console.log(`written: ${path}`);
}

function present(path: string): string {
  try {
    return readFileSync(join(ROOT, path), 'utf8');
  } catch {
    return '';
  }
}
