/** Leaves in `package.json` the packages that the pages are built of and with. */
import { readFileSync, writeFileSync } from 'node:fs';

const PAGES = ['@mantine/core', '@mantine/hooks', 'react', 'react-dom', 'uplot', 'vite', 'zustand'];

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
};
const devDependencies = Object.fromEntries(Object.entries(manifest.devDependencies).filter(([name]) => PAGES.includes(name)));
writeFileSync('package.json', JSON.stringify({ ...manifest, dependencies: {}, devDependencies, overrides: {} }));
