/**
 * `npm run bench -- scale`: measures what a unit costs with more and more connections and nodes, and
 * fits how that grows. Each point is written as soon as it is measured, so a run can go on later.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { stopPostgres } from '#bench/measure/postgres-process.ts';
import { setPriority } from '#bench/measure/process.ts';
import { growths } from './fit.ts';
import { CONNECTIONS, NODES, SHAPES, type Shape, toursOf } from './grid.ts';
import { page, plots } from './page.ts';
import { type Measured, RESULTS, type Results, readResults, samePoint, withPoint, writeResults } from './results.ts';
import { runTour } from './tour.ts';

const USAGE = `usage: npm run bench -- scale [--quick] [--nodes 1,2] [--connections 1000,5000] [--shapes one,many]
  --go-on       measures the points that the file of results does not have yet
  --seconds N   begins no further point after so many seconds
  --nice=N      priority of everything measured
  --page        writes the page and the plots from the file of results, and measures nothing`;
const QUICK = { nodes: [1, 2, 4], connections: [200, 500, 1_000] } as const;
/** Committed. A quick run has a folder of its own, which is not. */
const WHOLE = { results: RESULTS, page: new URL('../SCALE.md', import.meta.url) };
const BRIEF = {
  results: new URL('../results/scale/scale.json', import.meta.url),
  page: new URL('../results/scale/SCALE.md', import.meta.url),
};

/** Runs the command. Returns its exit code. */
export async function runScale(argv: readonly string[]): Promise<number> {
  const started = performance.now();
  const say = (line: string): void =>
    void process.stdout.write(`${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s  ${line}\n`);
  const wanted = optionsOf(argv);
  if (wanted === undefined) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  const files = wanted.quick ? BRIEF : WHOLE;
  let results = readResults(files.results) ?? empty();
  setPriority(wanted.nice);
  const here = machine();
  const isKnown = (nodes: number, connections: number, shape: Shape): boolean =>
    wanted.goOn && results.points.some((point) => samePoint(point, { nodes, connections, shape }));
  const tours = wanted.page
    ? []
    : toursOf(wanted.nodes, wanted.connections, wanted.shapes)
        .map((tour) => ({ ...tour, connections: tour.connections.filter((count) => !isKnown(tour.nodes, count, tour.shape)) }))
        .filter((tour) => tour.connections.length > 0);
  const inTime = (): boolean => performance.now() - started < wanted.seconds * 1000;
  let failed = 0;
  for (const tour of tours) {
    if (!inTime()) break;
    say(`${tour.shape}, ${tour.nodes} ${tour.nodes === 1 ? 'node' : 'nodes'}`);
    try {
      await runTour(tour, {
        quick: wanted.quick,
        say,
        goOn: inTime,
        take: (measured) => {
          results = withPoint({ ...results, ...here }, measured, new Date().toISOString());
          writeResults(files.results, results);
          if (measured.nodes === 1 || measured.figures.death !== null) say(line(measured));
        },
      });
    } catch (error) {
      failed += 1;
      say(`FAILED ${String(error)}`);
    }
  }
  await stopPostgres();
  results = readResults(files.results) ?? results;
  if (results.points.length > 0) {
    writeFileSync(files.page, page(results));
    for (const [name, svg] of Object.entries(plots(results))) writeFileSync(new URL(name, files.results), svg);
    for (const { cost, shape, axis, exponent, factor } of growths(results.points).filter(({ tooMuch }) => tooMuch))
      say(`GROWS ${cost.name}, ${cost.unit}, ${shape}: ${axis} ^ ${exponent.toFixed(2)}, ${factor.toFixed(2)} x`);
    say(`written: ${files.page.pathname}`);
  }
  return failed === 0 ? 0 : 1;
}

function line({ shape, nodes, connections, figures: { connect, memory, talk, restart, death } }: Measured): string {
  return [
    `${shape} ${nodes} x ${connections / nodes}: ${connect.gatewayMicros.toFixed(0)} us and ${connect.redisCalls.toFixed(1)} operations a connect`,
    ...(memory === null ? [] : [`${(memory.eachBytes / 1024).toFixed(2)} KiB`]),
    `${talk.gatewayMicrosEachDelivery.toFixed(2)} us a delivery (load ${talk.loadMicrosEachDelivery.toFixed(2)})`,
    `${talk.redisCallsEachMessage.toFixed(1)} operations a message`,
    `rejoined in ${restart.seconds?.toFixed(1) ?? 'more than 90'} s`,
    ...(death === null ? [] : [`a death: ${death.backSeconds.toFixed(1)} and ${death.goneSeconds?.toFixed(1) ?? 'more than 90'} s`]),
    ...(talk.lost + restart.lostAfter === 0 ? [] : [`LOST ${talk.lost} and ${restart.lostAfter}`]),
  ].join(', ');
}

interface Wanted {
  readonly quick: boolean;
  readonly nodes: readonly number[];
  readonly connections: readonly number[];
  readonly shapes: readonly Shape[];
  readonly goOn: boolean;
  readonly seconds: number;
  readonly nice: number;
  readonly page: boolean;
}

function optionsOf(argv: readonly string[]): Wanted | undefined {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        quick: { type: 'boolean', default: false },
        nodes: { type: 'string' },
        connections: { type: 'string' },
        shapes: { type: 'string', default: SHAPES.join(',') },
        'go-on': { type: 'boolean', default: false },
        seconds: { type: 'string', default: 'Infinity' },
        nice: { type: 'string', default: '0' },
        page: { type: 'boolean', default: false },
      },
    });
    const numbers = (text: string | undefined, all: readonly number[]): readonly number[] => text?.split(',').map(Number) ?? all;
    const known = values.quick ? QUICK : { nodes: NODES, connections: CONNECTIONS };
    const wanted: Wanted = {
      quick: values.quick,
      nodes: numbers(values.nodes, known.nodes),
      connections: numbers(values.connections, known.connections),
      shapes: SHAPES.filter((shape) => values.shapes.split(',').includes(shape)),
      goOn: values['go-on'],
      seconds: Number(values.seconds),
      nice: Number(values.nice),
      page: values.page,
    };
    const whole = [...wanted.nodes, ...wanted.connections].every((count) => Number.isInteger(count) && count > 0);
    const hundreds = wanted.connections.every((count) => count % 100 === 0);
    return whole && hundreds && wanted.shapes.length > 0 && wanted.seconds > 0 && Number.isInteger(wanted.nice) ? wanted : undefined;
  } catch {
    return undefined;
  }
}

function empty(): Results {
  const now = new Date().toISOString();
  return { ...machine(), from: now, to: now, points: [] };
}

function machine(): Pick<Results, 'machine' | 'node' | 'redis'> {
  return {
    machine: `${cpus().length} cores of ${cpus()[0]?.model ?? 'an unknown processor'}, Linux ${release()}`,
    node: process.versions.node,
    redis: /v=([\d.]+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))?.[1] ?? 'unknown',
  };
}
