/** Vitest reporter that counts: written to the file named in TALLY_FILE, so that scripts/test.ts can add up all suites. */
import { writeFileSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

export type Tally = { passed: number; failed: number; skipped: { name: string; reason: string | null }[] };

export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const tally: Tally = { passed: 0, failed: unhandled.length, skipped: [] };
    for (const module of modules) {
      let failedTests = 0;
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === 'passed') tally.passed++;
        else if (result.state === 'skipped')
          tally.skipped.push({ name: `${module.relativeModuleId} > ${test.fullName}`, reason: result.note ?? null });
        else failedTests++;
      }
      // A file that could not be loaded, or whose hooks failed, has no failed test to show for it.
      tally.failed += module.state() === 'failed' ? Math.max(failedTests, 1) : failedTests;
    }
    const file = process.env['TALLY_FILE'];
    if (file) writeFileSync(file, JSON.stringify(tally));
  }
}
