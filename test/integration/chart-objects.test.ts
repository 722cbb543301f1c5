/** Every object that the chart renders: by Kubernetes' schemas, and by policies of our own. */
import { describe, expect, test } from 'vitest';
import { type KubernetesObject, RELEASES, release } from '#test/support/chart.ts';
import { schemaProblems } from '#test/support/kubernetes-schemas.ts';

/** Maps whose keys are free. Everything else in an object is named by a schema. */
const FREE =
  /\/(labels|annotations|matchLabels|nodeSelector|data|stringData|requests|limits|selector|metadata)$|\/triggers\/\d+\/metadata$/;

/** The paths of all members that are objects. */
function objectPaths(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [];
  const below = Object.entries(value).flatMap(([key, member]) => objectPaths(member, [...path, key]));
  return Array.isArray(value) ? below : [[...path], ...below];
}

/** A copy with a key more at `path`. */
function withKey(object: KubernetesObject, path: readonly string[], key: string): KubernetesObject {
  const copy = structuredClone(object);
  let at: unknown = copy;
  for (const step of path) at = (at as Record<string, unknown>)[step];
  (at as Record<string, unknown>)[key] = 'x';
  return copy;
}

describe.each(Object.keys(RELEASES))('%s', (name) => {
  test('every object is valid', async () => {
    const objects = await release(name);
    expect(objects.length).toBeGreaterThan(8);
    expect(
      objects.flatMap((object) => schemaProblems(object).map((problem) => `${object.kind} ${object.metadata.name}: ${problem}`)),
    ).toEqual([]);
  });
});

test('a key that no schema knows is refused at every place of every object', async () => {
  const kinds = new Map<string, KubernetesObject>();
  for (const name of Object.keys(RELEASES))
    for (const object of await release(name)) kinds.set(`${object.kind} ${object.metadata.name}`, object);
  const passed = [...kinds].flatMap(([id, object]) =>
    objectPaths(object)
      .map((path) => ({ path, where: `/${path.join('/')}` }))
      .filter(({ where }) => !FREE.test(where) || where === '/metadata')
      .filter(({ path }) => schemaProblems(withKey(object, path, 'enabledd')).length === 0)
      .map(({ where }) => `${id} ${where}`),
  );
  expect(passed).toEqual([]);
});
