/** What the kernel knows of processes, cores and sockets (proc(5)). */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

const TICK_MICROS = 10_000;
const PAGE_BYTES = 4_096;

/** User and system time of a process, its threads and its children so far, microseconds. */
export function cpuMicrosOf(pid: number): number {
  return family(pid).reduce((sum, one) => sum + threads(one).reduce((all, nanos) => all + nanos, 0) / 1000, 0);
}

/** What memory of processes and of the kernel is in use, bytes. */
export interface ProcessMemory {
  /** Resident memory with the files it maps: RSS. */
  readonly resident: number;
  /** Anonymous resident memory: heap, malloc, buffers. No file mappings, no kernel memory. */
  readonly anonymous: number;
}

/** Memory of a process and its children. @throws Error if the process is gone. */
export function memoryOf(pid: number): ProcessMemory {
  const rollup = (one: number) => readFileSync(`/proc/${one}/smaps_rollup`, 'latin1');
  const [, ...children] = family(pid);
  const rollups = [rollup(pid), ...children.map((child) => unlessGone(() => rollup(child)) ?? '')];
  const sum = (field: string) => rollups.reduce((all, text) => all + kilobytes(text, field), 0);
  return { resident: sum('Rss'), anonymous: sum('Anonymous') };
}

/** Forgets the highest resident memory of a process and its children. */
export function resetPeak(pid: number): void {
  for (const one of family(pid)) unlessGone(() => writeFileSync(`/proc/${one}/clear_refs`, '5'));
}

/** The highest resident memory since `resetPeak`, bytes. */
export function peakOf(pid: number): number {
  return family(pid).reduce(
    (sum, one) => sum + kilobytes(unlessGone(() => readFileSync(`/proc/${one}/status`, 'latin1')) ?? '', 'VmHWM'),
    0,
  );
}

/**
 * Memory of the kernel for sockets, of all processes of this machine: its slabs (structures) and
 * the pages of TCP (data), bytes.
 */
export function kernelMemory(): number {
  const pages = Number(/^TCP:.* mem (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'latin1'))?.[1] ?? 0);
  return kilobytes(readFileSync('/proc/meminfo', 'latin1'), 'Slab') + pages * PAGE_BYTES;
}

/** What a core did so far, all processes and the kernel, microseconds in steps of 10,000. */
export interface CoreTime {
  readonly busy: number;
  /** Of it, interrupts: the network's work that no process is charged with. */
  readonly softirq: number;
}

export function coreTime(core: number): CoreTime {
  const line = new RegExp(`^cpu${core} (.*)$`, 'm').exec(readFileSync('/proc/stat', 'latin1'))?.[1] ?? '';
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(' ').map(Number);
  return { busy: (user + nice + system + irq + softirq) * TICK_MICROS, softirq: (irq + softirq) * TICK_MICROS };
}

/** A process and its descendants. */
function family(pid: number): number[] {
  const children = unlessGone(() => readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')) ?? '';
  return [
    pid,
    ...children
      .split(' ')
      .filter(Boolean)
      .flatMap((child) => family(Number(child))),
  ];
}

/** Nanoseconds on a core, by thread. */
function threads(pid: number): number[] {
  const names = unlessGone(() => readdirSync(`/proc/${pid}/task`)) ?? [];
  return names.map((name) => {
    const text = unlessGone(() => readFileSync(`/proc/${pid}/task/${name}/schedstat`, 'latin1')) ?? '';
    return Number(text.split(' ')[0] ?? 0);
  });
}

/** Threads and processes may end while they are looked at. */
function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function kilobytes(text: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024;
}
