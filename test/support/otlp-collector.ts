import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json as readJson } from 'node:stream/consumers';
import { until } from './wait.ts';

/** A value of an attribute in OTLP's JSON. */
interface AnyValue {
  readonly stringValue?: string;
  readonly intValue?: number | string;
  readonly doubleValue?: number;
}

interface KeyValue {
  readonly key: string;
  readonly value: AnyValue;
}

/** The body of `POST /v1/traces`, as far as the tests read it. */
interface TracesRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly { readonly spans: readonly WireSpan[] }[];
  }[];
}

interface WireSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly KeyValue[];
  readonly status: { readonly code?: number; readonly message?: string };
}

/** A span that the collector got. */
export interface CollectedSpan {
  readonly traceId: string;
  readonly id: string;
  /** Undefined: the first of its trace. */
  readonly parent: string | undefined;
  readonly name: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** `error.type` of a span that failed. */
  readonly failed: string | undefined;
  readonly service: string;
  readonly instance: string;
  /** Unix milliseconds. */
  readonly start: number;
  readonly ms: number;
}

/** A real receiver of OTLP over HTTP, in JSON, on 127.0.0.1. */
export class OtlpCollector {
  readonly url: string;
  readonly spans: CollectedSpan[] = [];
  /** Every body, as it came. */
  readonly bodies: string[] = [];
  /** The headers of the last post. */
  headers: IncomingHttpHeaders = {};
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(): Promise<OtlpCollector> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const collector = new OtlpCollector(server);
    server.on('request', (request, response) => {
      collector.headers = request.headers;
      readJson(request).then(
        (body) => {
          if (request.url === '/v1/traces') collector.#take(body as TracesRequest);
          response.writeHead(request.url === '/v1/traces' ? 200 : 404, { 'content-type': 'application/json' }).end('{}');
        },
        () => response.writeHead(400).end(),
      );
    });
    return collector;
  }

  /** The spans of a trace, those that began first at the head. */
  trace(id: string): CollectedSpan[] {
    return this.spans.filter(({ traceId }) => traceId === id).sort((one, other) => one.start - other.start);
  }

  /** Resolves with the trace that has all spans of these names, and one that `is` chooses. */
  async whole(names: readonly string[], is: (span: CollectedSpan) => boolean): Promise<CollectedSpan[]> {
    return until(
      () => {
        for (const { traceId } of this.spans.filter(is)) {
          const found = this.trace(traceId);
          if (names.every((name) => found.some((span) => span.name === name))) return found;
        }
        return undefined;
      },
      { timeoutMs: 30_000, describe: () => `a trace of ${names.join(', ')} among ${this.spans.map(({ name }) => name).join(', ')}` },
    );
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(body: TracesRequest): void {
    this.bodies.push(JSON.stringify(body));
    for (const { resource, scopeSpans } of body.resourceSpans) {
      const about = valuesOf(resource.attributes);
      for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
        const attributes = valuesOf(span.attributes);
        const start = Number(BigInt(span.startTimeUnixNano) / 1000n) / 1000;
        this.spans.push({
          traceId: span.traceId,
          id: span.spanId,
          parent: span.parentSpanId === '' ? undefined : span.parentSpanId,
          name: span.name,
          attributes,
          failed: span.status.code === 2 ? String(attributes['error.type']) : undefined,
          service: String(about['service.name']),
          instance: String(about['service.instance.id']),
          start,
          ms: Number(BigInt(span.endTimeUnixNano) / 1000n) / 1000 - start,
        });
      }
    }
  }
}

function valuesOf(attributes: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? value.doubleValue ?? (value.intValue === undefined ? undefined : Number(value.intValue)),
    ]),
  );
}
