/** Runs vitest and counts the tests that ran. */

import { startVitest, type TestCase, type Vitest } from 'vitest/node';
import { ROOT } from './step.ts';

export interface TestCounts {
  readonly passed: number;
  /** Failed tests, files that could not be run, and errors outside of any test. */
  readonly failed: number;
  /** Other faults, one sentence each. */
  readonly problems: readonly string[];
}

/**
 * Runs projects of `vitest.config.ts`. A project without a test, and a skipped test, are failures:
 * they would prove nothing.
 */
export async function runTests(projects: readonly string[]): Promise<TestCounts> {
  const vitest = await startVitest('test', [], { root: ROOT, project: [...projects], watch: false, allowOnly: false });
  try {
    return count(vitest, projects);
  } finally {
    await vitest.close();
  }
}

function count(vitest: Vitest, projects: readonly string[]): TestCounts {
  let passed = 0;
  let failed = vitest.state.getUnhandledErrors().length;
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const module of vitest.state.getTestModules()) {
    const tests: TestCase[] = [...module.children.allTests()];
    if (tests.length > 0) seen.add(module.project.name);
    const states = tests.map((test) => test.result().state);
    passed += states.filter((state) => state === 'passed').length;
    const broken = states.filter((state) => state === 'failed').length;
    const skipped = states.length - broken - states.filter((state) => state === 'passed').length;
    // If a file or a suite hook breaks, it failed, whatever its tests say.
    failed += broken + (broken === 0 && !module.ok() ? 1 : 0) + skipped;
    if (skipped > 0) problems.push(`${skipped} of ${module.moduleId} did not run.`);
  }
  for (const project of projects) if (!seen.has(project)) problems.push(`No test of "${project}" ran.`);
  return { passed, failed, problems };
}
