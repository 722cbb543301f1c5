/** Shows the OpenAPI document of this hub. All texts become text nodes, never HTML. */

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children.filter((child) => child !== undefined && child !== ''));
  return node;
}

/** Returns the nodes of a text in which `backquotes` mark code. */
function prose(text) {
  return text.split('`').map((part, index) => (index % 2 === 1 ? element('code', {}, part) : part));
}

function paragraphs(text) {
  return text.split(/\n{2,}/).map((part) => element('p', {}, ...prose(part.replaceAll('\n', ' '))));
}

let shared = {};

/** Returns the schema that a reference names; any other schema unchanged. */
const resolved = (schema) => (schema?.$ref === undefined ? schema : shared[schema.$ref.split('/').at(-1)]);

/** Returns a schema in the notation of the JSON that it describes. */
function outline(described, indent = '') {
  const schema = resolved(described);
  if (schema === undefined) return 'anything';
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return options.map((option) => outline(option, indent)).join(`\n${indent}or `);
  if (schema.type === 'array') return `[ ${outline(schema.items, indent)} ]`;
  if (schema.type === 'object' && schema.properties) {
    const required = new Set(schema.required ?? []);
    const inner = `${indent}  `;
    const lines = Object.entries(schema.properties).map(([name, member]) => {
      const note = member.description ? `  // ${member.description.replaceAll('`', '')}` : '';
      return `${inner}${name}${required.has(name) ? '' : '?'}: ${outline(member, inner)},${note}`;
    });
    return lines.length === 0 ? '{}' : `{\n${lines.join('\n')}\n${indent}}`;
  }
  return [schema.type ?? 'anything', schema.format && `(${schema.format})`, limits(schema)].filter(Boolean).join(' ');
}

function limits({ minimum, maximum, minLength, maxLength, pattern }) {
  const parts = [];
  if (minimum !== undefined || maximum !== undefined) parts.push(`${minimum ?? ''}..${maximum ?? ''}`);
  if (minLength !== undefined || maxLength !== undefined) parts.push(`of ${minLength ?? 0} to ${maxLength ?? 'any'} characters`);
  if (pattern !== undefined) parts.push(`like ${pattern}`);
  return parts.join(' ');
}

const schemaOf = (holder) => Object.values(holder?.content ?? {})[0]?.schema;

function access(operation) {
  const [names] = operation.security ?? [];
  if (names === undefined) return 'No login needed.';
  return 'serviceKey' in names ? 'With a key of API_KEYS: Authorization: Bearer <key>.' : 'With a token: Authorization: Bearer <token>.';
}

function parameters(operation) {
  const list = operation.parameters ?? [];
  if (list.length === 0) return [];
  const items = list.map(({ name, in: where, required, schema, description }) =>
    element(
      'li',
      {},
      element('code', {}, name),
      ` in the ${where}${required ? '' : ', optional'}: ${outline(schema)}. `,
      ...prose(description ?? ''),
    ),
  );
  return [element('h3', {}, 'Parameters'), element('ul', {}, ...items)];
}

function body(operation) {
  const schema = schemaOf(operation.requestBody);
  return schema === undefined ? [] : [element('h3', {}, 'Body'), element('pre', {}, outline(schema)), ...example(operation.requestBody)];
}

function answers(operation) {
  const list = Object.entries(operation.responses ?? {});
  const good = list.filter(([status]) => status.startsWith('2'));
  const bad = list.filter(([status]) => !status.startsWith('2')).map(([status]) => status);
  return [
    ...good.flatMap(([status, answer]) => {
      const schema = schemaOf(answer);
      return [
        element('h3', {}, `Answer ${status}`),
        ...(schema === undefined ? [] : [element('pre', {}, outline(schema))]),
        ...example(answer),
      ];
    }),
    element('p', { class: 'muted' }, `Errors: ${bad.join(', ')}.`),
  ];
}

/** Returns the example of a body or an answer. */
function example(holder) {
  const value = Object.values(holder?.content ?? {})[0]?.example;
  return value === undefined ? [] : [element('pre', { class: 'example' }, JSON.stringify(value, undefined, 2))];
}

/** Returns the command of an operation, for this hub. */
function curl(operation) {
  const line = operation['x-codeSamples']?.[0]?.source;
  return line === undefined ? [] : [element('h3', {}, 'curl'), element('pre', { class: 'curl' }, line)];
}

function operationNode(method, path, operation) {
  const title = element(
    'summary',
    {},
    element('span', { class: 'method' }, method.toUpperCase()),
    element('code', {}, path),
    ' ',
    operation.summary ?? '',
  );
  const parts = [
    element('p', { class: 'muted' }, access(operation)),
    ...parameters(operation),
    ...body(operation),
    ...answers(operation),
    ...curl(operation),
  ];
  return element(
    'details',
    { id: operation.operationId ?? `${method}-${path}` },
    title,
    ...paragraphs(operation.description ?? ''),
    ...parts,
  );
}

function show(description) {
  shared = description.components?.schemas ?? {};
  document.getElementById('title').textContent = `${description.info.title} ${description.info.version}: HTTP API`;
  document.getElementById('about').replaceChildren(...paragraphs(description.info.description));
  const operations = Object.entries(description.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ method, path, operation: item[method] })),
  );
  const contents = [];
  for (const { name, description: about } of description.tags) {
    const own = operations.filter(({ operation }) => (operation.tags ?? []).includes(name));
    if (own.length === 0) continue;
    contents.push(element('li', {}, element('a', { href: `#${name}` }, name)));
    const nodes = own.map(({ method, path, operation }) => operationNode(method, path, operation));
    document
      .getElementById('operations')
      .append(element('section', {}, element('h2', { id: name }, name), element('p', {}, ...prose(about ?? '')), ...nodes));
  }
  document.getElementById('contents').replaceChildren(element('ul', {}, ...contents));
}

try {
  const answer = await fetch(new URL('../api/v1/openapi.json', import.meta.url));
  if (!answer.ok) throw new Error(`the hub answered ${answer.status}`);
  show(await answer.json());
} catch (error) {
  document.getElementById('about').textContent = `The description could not be loaded: ${error.message}`;
}
