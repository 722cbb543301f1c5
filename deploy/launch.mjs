/**
 * Starts every npm script: installs what is missing, then runs a program under the pinned Node.
 *
 *     node deploy/launch.mjs [--needs=redis-server,chromium,web] [<entry.ts> [arguments...]]
 *
 * Plain JavaScript without dependencies: it runs before anything is installed, under any Node from
 * 18 on.
 */

import { spawn, spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { constants as osConstants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const PINNED_NODE = join(ROOT, 'node_modules', 'node', 'bin', 'node');
const LOCK = join(ROOT, '.data', 'launch.lock');
const LOCK_POLL_MS = 250;

/**
 * What is no npm package: the names of a program, or a language that fonts are for, and Debian's
 * package. `instead`: what replaces a missing one, whose absence then stops nothing. `service`: the
 * package would also run it as a service of the machine, at a port that is ours (9090 is
 * `ADMIN_PORT`).
 */
const PROGRAMS = {
  'redis-server': { binaries: ['redis-server'], package: 'redis-server', minimum: 7 },
  chromium: { binaries: ['chromium', 'chromium-browser', 'google-chrome'], package: 'chromium' },
  'chromium-headless-shell': {
    binaries: ['chromium-headless-shell'],
    package: 'chromium-headless-shell',
    instead: 'chromium, which is slower',
  },
  'firefox-esr': { binaries: ['firefox-esr'], package: 'firefox-esr' },
  openssl: { binaries: ['openssl'], package: 'openssl' },
  nginx: { binaries: ['nginx'], package: 'nginx-light' },
  haproxy: { binaries: ['haproxy'], package: 'haproxy' },
  pgbouncer: { binaries: ['pgbouncer'], package: 'pgbouncer' },
  mmdebstrap: { binaries: ['mmdebstrap'], package: 'mmdebstrap' },
  buildah: { binaries: ['buildah'], package: 'buildah' },
  podman: { binaries: ['podman'], package: 'podman' },
  runc: { binaries: ['runc'], package: 'runc' },
  'systemd-analyze': { binaries: ['systemd-analyze'], package: 'systemd' },
  faketime: { binaries: ['faketime'], package: 'faketime' },
  'chinese-font': { fontsFor: 'zh', package: 'fonts-wqy-microhei', instead: 'boxes in place of Chinese characters' },
  prometheus: { binaries: ['prometheus'], package: 'prometheus', service: true },
  amtool: { binaries: ['amtool'], package: 'prometheus-alertmanager', service: true },
  'prometheus-blackbox-exporter': {
    binaries: ['prometheus-blackbox-exporter'],
    package: 'prometheus-blackbox-exporter',
    service: true,
  },
};

/** Where systemd looks for the units of this machine first. */
const UNITS = '/etc/systemd/system';

/** The pages, which `--needs=web` builds if they are missing or made of other sources. */
const WEB = 'web';
const WEB_BUILDER = join('deploy', 'build', 'web.ts');

const say = (line) => console.error(`parley: ${line}`);

function fail(line) {
  say(line);
  process.exit(1);
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Returns why `npm ci` is needed, or undefined if the installation matches the lockfile. npm writes
 * its own record at the very end, so a comparison of the two also finds installations that were
 * made by hand or cut short.
 */
function staleReason() {
  const wanted = readJson(join(ROOT, 'package-lock.json'))?.packages;
  if (wanted === undefined) fail('package-lock.json cannot be read.');
  const installed = readJson(join(ROOT, 'node_modules', '.package-lock.json'))?.packages;
  if (installed === undefined)
    return existsSync(join(ROOT, 'node_modules')) ? 'node_modules is incomplete' : 'node_modules is not there yet';
  for (const [path, want] of Object.entries(wanted)) {
    if (path === '') continue;
    const have = installed[path];
    if (have === undefined && !want.optional) return `${path} is missing`;
    if (have !== undefined && (have.version !== want.version || have.integrity !== want.integrity))
      return `${path} is not what the lockfile says`;
  }
  return existsSync(PINNED_NODE) ? undefined : 'the pinned Node is missing';
}

/** Runs a command with its output shown. Resolves with its exit code. */
function run(command, args, env = process.env) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: 'inherit', env });
    child.once('error', (error) => {
      say(`${command}: ${error.message}`);
      resolve(127);
    });
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** The process that holds the lock, or undefined. */
function lockOwner() {
  try {
    return Number(readFileSync(LOCK, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Removes a lock whose owner is dead, and not the one that another waiter may have made meanwhile.
 */
function breakLock(deadOwner) {
  const aside = `${LOCK}.broken.${process.pid}`;
  try {
    renameSync(LOCK, aside);
    if (Number(readFileSync(aside, 'utf8')) !== deadOwner) linkSync(aside, LOCK);
  } catch {
    // Another waiter was faster.
  }
  rmSync(aside, { force: true });
}

/** Ends the program if this folder cannot be written to. `needed`: what has to be done in it. */
function makeLockDraft(draft, needed) {
  try {
    try {
      mkdirSync(dirname(LOCK));
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    writeFileSync(draft, String(process.pid));
  } catch (error) {
    fail(`${needed}, and ${dirname(LOCK)} cannot be written to (${error.code}): do that once where it can.`);
  }
}

/**
 * Runs `work` while no other launch in this folder runs one. A launch that does not get here writes
 * nothing into the folder.
 */
async function alone(needed, work) {
  const draft = `${LOCK}.${process.pid}`;
  makeLockDraft(draft, needed);
  for (let told; ; ) {
    try {
      // A link appears with its content or not at all.
      linkSync(draft, LOCK);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const owner = lockOwner();
    if (owner === undefined) continue;
    if (!isAlive(owner)) {
      breakLock(owner);
      continue;
    }
    if (told !== owner) say(`waiting for another launch (process ${owner}) that is installing or building.`);
    told = owner;
    await sleep(LOCK_POLL_MS);
  }
  rmSync(draft);
  try {
    return await work();
  } finally {
    rmSync(LOCK, { force: true });
  }
}

async function installPackages() {
  const stale = staleReason();
  if (stale === undefined) return;
  await alone(`${stale}: npm ci is needed`, async () => {
    const reason = staleReason();
    if (reason === undefined) return;
    say(`${reason}: running npm ci.`);
    const started = Date.now();
    if ((await run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund'])) !== 0) fail('npm ci failed: see above.');
    const left = staleReason();
    if (left !== undefined) fail(`npm ci went through, and yet ${left}. Are install scripts switched off (ignore-scripts)?`);
    say(`npm ci done in ${((Date.now() - started) / 1000).toFixed(0)} s.`);
  });
}

function isOnPath(binary) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, binary), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function isMissing(name) {
  const { binaries, fontsFor } = PROGRAMS[name];
  return fontsFor === undefined ? !binaries.some(isOnPath) : !hasFontsFor(fontsFor);
}

/** Whether text of a language can be drawn. Systems other than Linux come with fonts for all. */
function hasFontsFor(language) {
  if (process.platform !== 'linux') return true;
  return (spawnSync('fc-list', [`:lang=${language}`], { encoding: 'utf8' }).stdout ?? '') !== '';
}

async function installPrograms(names) {
  const unknown = names.filter((name) => PROGRAMS[name] === undefined);
  if (unknown.length > 0) fail(`--needs takes ${[...Object.keys(PROGRAMS), WEB].join(', ')}, not ${unknown.join(', ')}.`);
  const needed = names.filter((name) => PROGRAMS[name].instead === undefined);
  if (needed.some(isMissing)) await installWithApt(needed);
  for (const name of names) if (PROGRAMS[name].instead !== undefined && isMissing(name)) await installOptional(name);
  for (const name of names) {
    const { minimum, binaries } = PROGRAMS[name];
    if (minimum === undefined) continue;
    const version = /\bv=(\d+)/.exec(spawnSync(binaries[0], ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1];
    if (Number(version ?? 0) < minimum) fail(`${name} ${version ?? '(unknown version)'} is too old: install version ${minimum} or newer.`);
  }
}

const mayInstall = () => process.getuid?.() === 0 && isOnPath('apt-get');

async function installWithApt(names) {
  const packages = (missing) => missing.map((name) => PROGRAMS[name].package);
  const byHand = (missing) =>
    `${missing.join(' and ')} not found: install ${missing.length > 1 ? 'them' : 'it'} (Debian: apt-get install ${packages(missing).join(' ')}) and start again.`;
  if (!mayInstall()) fail(byHand(names.filter(isMissing)));
  await alone('programs are missing', async () => {
    const missing = names.filter(isMissing);
    if (missing.length === 0) return;
    const services = packages(missing.filter((name) => PROGRAMS[name].service));
    await withoutServices(services, () => aptInstall(missing.join(' and '), packages(missing)));
  });
  if (names.some(isMissing)) fail(byHand(names.filter(isMissing)));
}

async function installOptional(name) {
  if (mayInstall())
    await alone(`${name} is missing`, async () => {
      if (isMissing(name)) await aptInstall(name, [PROGRAMS[name].package]);
    });
  if (isMissing(name)) say(`${name} not found: going on with ${PROGRAMS[name].instead}.`);
}

/**
 * Installs packages whose services shall not start, now or at the next boot. A masked unit is not
 * started by the package.
 */
async function withoutServices(units, install) {
  const masks = units.map((unit) => join(UNITS, `${unit}.service`)).filter((mask) => existsSync(UNITS) && !existsSync(mask));
  for (const mask of masks) symlinkSync('/dev/null', mask);
  try {
    await install();
  } finally {
    for (const mask of masks) rmSync(mask);
    for (const unit of units) rmSync(join(UNITS, 'multi-user.target.wants', `${unit}.service`), { force: true });
  }
}

async function aptInstall(names, packages) {
  say(`${names} not found: running apt-get install ${packages.join(' ')}.`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args) => run('apt-get', ['-o', 'DPkg::Lock::Timeout=300', '-q', ...args], env);
  // Old lists may still be good enough.
  await apt('update');
  await apt('install', '-y', '--no-install-recommends', ...packages);
}

async function buildWeb() {
  const builder = join(ROOT, WEB_BUILDER);
  if ((await run(PINNED_NODE, [builder, '--check'])) === 0) return;
  const code = await alone('the web pages have to be built (npm run build:web)', () => run(PINNED_NODE, [builder]));
  if (code !== 0) fail('the web pages could not be built: see above.');
}

/**
 * Runs the entry under the pinned Node: in place of this process if Node can do that (22.15 and
 * newer), otherwise in a child that gets this process's signals and gives its exit code.
 */
async function start(entry, args) {
  const command = [join(ROOT, entry), ...args];
  if (process.execve !== undefined) process.execve(PINNED_NODE, [PINNED_NODE, ...command]);
  const child = spawn(PINNED_NODE, command, { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // The terminal has signalled the child already. A second signal would be a second Ctrl-C.
      if (signal === 'SIGTERM' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.once('error', (error) => fail(`${PINNED_NODE} does not start: ${error.message}`));
  child.once('exit', (code, signal) => process.exit(code ?? 128 + (osConstants.signals[signal] ?? 0)));
}

const options = process.argv.slice(2);
const needs = options[0]?.startsWith('--needs=') ? options.shift().slice('--needs='.length).split(',') : [];
const [entry, ...args] = options;
if (entry === undefined && needs.length === 0)
  fail('tell what to start: node deploy/launch.mjs [--needs=redis-server,chromium,web] [<entry.ts> [arguments...]]');
await installPackages();
await installPrograms(needs.filter((name) => name !== WEB));
if (needs.includes(WEB)) await buildWeb();
if (entry !== undefined) await start(entry, args);
