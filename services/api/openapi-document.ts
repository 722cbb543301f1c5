/** Completes the OpenAPI document: shared schemas, operation ids, examples and curl lines. */
import { EXAMPLES, type OperationExample, SAMPLES } from './operation-examples.ts';

type Json = Readonly<Record<string, unknown>>;

/** The parts of the document that are completed. */
interface Described {
  readonly paths?: object;
  readonly components?: object;
}

/**
 * Returns the document with its schemas of a `title` in `components`, and with an example and a curl
 * line for each operation of `EXAMPLES`. Throws TypeError if two schemas have one title.
 */
export function completeDocument(document: Described): Json {
  const schemas: Record<string, Json> = {};
  const paths = share(document.paths, schemas) as Readonly<Record<string, Readonly<Record<string, Json>>>>;
  const completed = mapValues(paths, (item, path) =>
    mapValues(item, (operation, method) => {
      const name = method.toUpperCase();
      const example = EXAMPLES[`${name} ${path}`];
      return example === undefined ? operation : withExample(operation, name, path, example);
    }),
  );
  return { ...document, paths: completed, components: { ...document.components, schemas } };
}

/** Moves each schema with a title into `schemas`. Its description stays beside the reference. */
function share(value: unknown, schemas: Record<string, Json>): unknown {
  if (Array.isArray(value)) return value.map((item) => share(item, schemas));
  if (typeof value !== 'object' || value === null) return value;
  const { title, description, ...schema } = mapValues(value as Json, (member) => share(member, schemas));
  const about = description === undefined ? {} : { description };
  if (typeof title !== 'string') return { ...schema, ...(title === undefined ? {} : { title }), ...about };
  const known = schemas[title];
  if (known !== undefined && JSON.stringify(known) !== JSON.stringify(schema)) throw new TypeError(`two schemas have the title ${title}`);
  schemas[title] = schema;
  return { $ref: `#/components/schemas/${title}`, ...about };
}

function withExample(operation: Json, method: string, path: string, example: OperationExample): Json {
  const { requestBody, responses } = operation as { readonly requestBody?: Json; readonly responses?: Readonly<Record<string, Json>> };
  const body = requestBody === undefined ? {} : { requestBody: withContent(requestBody, filled(example.body, SAMPLES)) };
  return {
    operationId: example.operationId,
    ...operation,
    ...body,
    responses: mapValues(responses ?? {}, (answer, status) => withContent(answer, example.answers?.[Number(status)])),
    'x-codeSamples': [{ lang: 'Shell', label: 'curl', source: curlLine(method, path, example) }],
  };
}

function withContent(holder: Json, example: unknown): Json {
  const { content } = holder as { readonly content?: Readonly<Record<string, Json>> };
  if (content === undefined || example === undefined) return holder;
  return { ...holder, content: mapValues(content, (media) => ({ ...media, example })) };
}

/** Returns a command that a shell runs, with the status that it gets in a comment. */
function curlLine(method: string, path: string, { token, path: parameters = {}, body, status }: OperationExample): string {
  const url = path.replace(/\{(\w+)\}/g, (_, name) => parameters[name] ?? '');
  const parts = [
    ...(method === 'GET' ? [] : ['-X', method]),
    `"$HUB${url}"`,
    ...(token === undefined ? [] : ['-H', `"authorization: Bearer $${token}"`]),
    ...(body === undefined ? [] : ['-H', `'content-type: application/json'`, '-d', quoted(JSON.stringify(body))]),
  ];
  return `curl ${parts.join(' ')} # ${status}`;
}

/** Quotes a text for a shell, which still fills in its variables. */
function quoted(text: string): string {
  const escaped = text.replaceAll("'", `'\\''`);
  return `'${escaped.replaceAll(/\$[A-Z_]+/g, (variable) => `'"${variable}"'`)}'`;
}

/** Fills in the variables of an example. */
function filled(value: unknown, samples: Readonly<Record<string, string>>): unknown {
  if (value === undefined) return undefined;
  return JSON.parse(JSON.stringify(value).replaceAll(/\$([A-Z_]+)/g, (_, name) => samples[name] ?? name));
}

function mapValues<Value, Result>(
  record: Readonly<Record<string, Value>>,
  change: (value: Value, key: string) => Result,
): Record<string, Result> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}
