import { Ajv2020 } from 'ajv/dist/2020.js';
import type { FastifyInstance } from 'fastify';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

interface Operation {
  readonly responses?: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>>;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** Checks real answers against the OpenAPI document of the app that sent them. */
export class ApiDocument {
  readonly document: Document;
  /** The answers seen, such as `POST /api/v1/guests 201`. */
  readonly seen = new Set<string>();
  readonly #ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });

  /** `app` must be ready. */
  constructor(app: FastifyInstance) {
    this.document = app.swagger() as unknown as Document;
  }

  /** The successes of the document that no test has seen, such as `POST /api/v1/guests 201`. */
  get unseen(): string[] {
    return Object.entries(this.document.paths).flatMap(([path, operations]) =>
      Object.entries(operations).flatMap(([method, { responses }]) =>
        Object.keys(responses ?? {})
          .filter((status) => status.startsWith('2'))
          .map((status) => `${method.toUpperCase()} ${path} ${status}`)
          .filter((answer) => !this.seen.has(answer)),
      ),
    );
  }

  /**
   * Throws if the document does not describe such an answer. Ignores paths that are no operation of
   * the document: files and unknown paths.
   */
  check(method: string, url: string, { status, headers, body }: Answer): void {
    const path = new URL(url, 'http://host').pathname;
    const templates = Object.keys(this.document.paths);
    // As the router does: `/rooms/match` itself comes before `/rooms/{room}`.
    const template =
      templates.find((one) => one === path) ?? templates.find((one) => new RegExp(`^${one.replace(/\{[^}]+\}/g, '[^/]+')}$`).test(path));
    const operation = template === undefined ? undefined : this.document.paths[template]?.[method.toLowerCase()];
    if (operation === undefined) return;
    const name = `${method} ${template} ${status}`;
    this.seen.add(name);
    const described = operation.responses?.[String(status)];
    if (described === undefined) throw new Error(`${name} is not in the document`);
    const schema = described.content?.['application/json']?.schema;
    if (schema === undefined || body.length === 0) {
      if (body.length > 0 || (schema !== undefined && method !== 'HEAD'))
        throw new Error(`${name}: the document and the answer differ in having a body`);
      return;
    }
    if (!String(headers['content-type']).startsWith('application/json')) throw new Error(`${name}: ${String(headers['content-type'])}`);
    if (!this.#ajv.validate(schema, JSON.parse(body.toString()))) throw new Error(`${name}: ${this.#ajv.errorsText()}\n${body.toString()}`);
  }
}
