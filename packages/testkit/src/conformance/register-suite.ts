import { after, before, describe, test } from "node:test";
import type { Treaty } from "@entente/core";

export interface SuiteTest<Stage> {
  /** Its name in the report: a statement that holds when it passes. */
  readonly name: string;
  /** Why it cannot apply; null: it does. */
  readonly skip: string | null;
  run(stage: Stage): Promise<void>;
}

/** Registers tests of a treaty that share one stage, opened before the first and closed after the last. */
export function registerSuite<Stage extends { close(passed: boolean): Promise<void> }>(
  { name, version }: Pick<Treaty, "name" | "version">,
  tests: readonly SuiteTest<Stage>[],
  open: () => Promise<Stage>,
): void {
  describe(`${name} ${version} conforms`, () => {
    let opened: Stage | null = null;
    let allPassed = true;
    before(async () => {
      opened = await open();
    });
    after(async () => opened?.close(allPassed));
    for (const one of tests) {
      test(one.name, { skip: one.skip ?? false }, async () => {
        if (opened === null) throw new Error("the stage was not opened");
        const soFar = allPassed;
        allPassed = false;
        await one.run(opened);
        allPassed = soFar;
      });
    }
  });
}
