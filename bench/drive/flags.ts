/** What the flags of all loads have in common: how their texts are read. */
import { readFileSync } from 'node:fs';
import type { Tokens } from './orders.ts';
import { UsageError } from './scenario.ts';

/**
 * Where the tokens of a load come from: `mint`, `guests` or a file.
 *
 * @param guests Asks the API of the target for so many.
 * @throws UsageError
 */
export async function tokensOf(
  how: string,
  connections: number,
  env: Readonly<Record<string, string | undefined>>,
  guests: (count: number) => Promise<string[]>,
): Promise<Tokens> {
  if (how === 'mint') {
    // With several, the hub takes each: the first one signs.
    const secret = secretOf(env, 'JWT_SECRET')?.split(',')[0]?.trim();
    if (secret === undefined || secret === '')
      throw new UsageError(
        '--tokens mint signs with the secret of the hub: set JWT_SECRET or JWT_SECRET_FILE. Or give tokens by --tokens FILE.',
      );
    return { kind: 'mint', secret, issuer: env['JWT_ISSUER'], audience: env['JWT_AUDIENCE'] };
  }
  if (how === 'guests') return { kind: 'list', tokens: await guests(connections) };
  let text: string;
  try {
    text = readFileSync(how, 'utf8');
  } catch {
    throw new UsageError(`--tokens is mint, guests, or a file with a token a line; "${how}" cannot be read.`);
  }
  const tokens = text.split('\n').map((line) => line.trim());
  const given = tokens.filter((token) => token !== '');
  if (given.length < connections)
    throw new UsageError(`${how} has ${given.length} tokens, and there are ${connections} connections: each has its own.`);
  return { kind: 'list', tokens: given };
}

/** Makes guests. @param base The address before `/api/v1`. @throws UsageError */
export async function guests(base: string, connections: number): Promise<string[]> {
  const url = `${base}/api/v1/guests`;
  const tokens: string[] = [];
  while (tokens.length < connections) {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: `Guest ${tokens.length}` }),
    }).catch((error: unknown) => {
      throw new UsageError(`${url} does not answer: ${String(error instanceof Error ? (error.cause ?? error) : error)}`);
    });
    const body = (await response.json().catch(() => ({}))) as { token?: string; code?: string; message?: string };
    if (!response.ok || body.token === undefined)
      throw new UsageError(
        `The API gave ${tokens.length} guests of ${connections}, then ${response.status} ${body.code ?? ''}. Take --tokens mint, or fewer --connections.`,
      );
    tokens.push(body.token);
  }
  return tokens;
}

/** Reads a secret from the environment, or from the file that `<name>_FILE` names. @throws UsageError */
export function secretOf(env: Readonly<Record<string, string | undefined>>, name: string): string | undefined {
  const file = env[`${name}_FILE`];
  if (file === undefined) return env[name];
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    throw new UsageError(`${name}_FILE names ${file}, which cannot be read.`);
  }
}

/** The entries of a list with commas. */
export function list(text: string | undefined): string[] {
  return (text ?? '').split(',').filter((entry) => entry !== '');
}

/** A whole number. @throws UsageError */
export function count(flag: string, text: string, least = 1): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    throw new UsageError(`${flag} takes a whole number from ${least} on, and not "${text}".`);
  return value;
}

/** A number above 0. @throws UsageError */
export function positive(flag: string, text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < Number.MAX_SAFE_INTEGER)) throw new UsageError(`${flag} takes a number above 0, and not "${text}".`);
  return value;
}

/** A time as 50ms or 1.5s, in milliseconds. @throws UsageError */
export function milliseconds(flag: string, text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(text) ?? [];
  if (digits === undefined) throw new UsageError(`${flag} takes a time as 50ms or 1.5s, and not "${text}".`);
  return Number(digits) * (unit === 's' ? 1000 : 1);
}

/** The address of the metrics of an admin port. @throws UsageError */
export function metricsUrl(text: string): URL {
  let url: URL;
  try {
    url = new URL(text.includes('://') ? text : `http://${text}`);
  } catch {
    throw new UsageError(`--metrics takes addresses of admin ports, as http://10.0.0.5:9090, and not "${text}".`);
  }
  if (url.pathname === '/') url.pathname = '/metrics';
  return url;
}
