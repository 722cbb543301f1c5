import { UsageError } from '#bench/drive/scenario.ts';
import type { HttpOptions } from './options.ts';
import { type ApiRequest, SCENARIOS } from './requests.ts';

const ANSWER_MS = 10_000;

/**
 * Asks twice, to see that it can be done: whether a Parley is there, and whether it takes the token.
 * @throws UsageError that says why not, and what to do.
 */
export async function checkApi({ target, scenario }: HttpOptions, token: string): Promise<void> {
  const online = await ask(target, { method: 'GET', path: '/online' }, undefined);
  if (!isCount(online.body)) {
    throw new UsageError(
      online.status === 429
        ? `${target} limits this machine (RATE_LIMITED) before the load begins: wait a minute.`
        : `${target} is no Parley, or not its API: GET /api/v1/online answers ${online.status}${online.status === 200 ? ' without a count' : ''}.`,
    );
  }
  const { status, body } = await ask(target, SCENARIOS[scenario].request(0), token);
  const code = codeOf(body);
  if (status >= 200 && status < 300) return;
  if (status === 401)
    throw new UsageError(
      SCENARIOS[scenario].needsKey
        ? `${target} refuses the key (${code}): BENCH_API_KEY has to be one of the API_KEYS of the hub.`
        : `${target} refuses the token (${code}): JWT_SECRET, JWT_ISSUER and JWT_AUDIENCE have to be those of the hub, and the clocks have to agree.`,
    );
  throw new UsageError(`${target} does not do what the load asks for: ${SCENARIOS[scenario].request(0).path} answers ${status} ${code}.`);
}

async function ask(
  target: string,
  { method, path, body }: ApiRequest,
  token: string | undefined,
): Promise<{ readonly status: number; readonly body: unknown }> {
  try {
    const response = await fetch(`${target}/api/v1${path}`, {
      method,
      headers: headersOf(token, body !== undefined),
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    return { status: response.status, body: await response.json().catch(() => undefined) };
  } catch (error) {
    throw new UsageError(unreachable(target, error));
  }
}

/** The headers of a request. */
export function headersOf(token: string | undefined, hasBody: boolean): Readonly<Record<string, string>> {
  return { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...(hasBody && { 'content-type': 'application/json' }) };
}

function unreachable(target: string, error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : error instanceof Error ? error.name : String(error);
  switch (code) {
    case 'ECONNREFUSED':
      return `Nobody listens at ${target}: is the API running, and is this its public port?`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${target} has no address: is the name right?`;
    case 'TimeoutError':
      return `${target} does not answer within ${ANSWER_MS / 1000} s.`;
    default:
      return `${target} cannot be reached, or is no Parley: ${code}.`;
  }
}

function isCount(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'count' in body && typeof body.count === 'number';
}

function codeOf(body: unknown): string {
  return typeof body === 'object' && body !== null && 'code' in body ? String(body.code) : 'no code';
}
