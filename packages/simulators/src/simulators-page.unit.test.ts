import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { behaviourNames } from "./control/behaviour.ts";
import { outageModes } from "./control/control.ts";
import { description } from "./payments/description.ts";
import { testPaymentMethods } from "./payments/test-payment-methods.ts";

/** docs/reference/simulators.md names what there is, and nothing else. */
const page = readFileSync(new URL("../../../docs/reference/simulators.md", import.meta.url), "utf8");

/** The text under a heading, up to the next one. */
function section(heading: string): string {
  const start = page.indexOf(`\n${heading}\n`);
  assert.notEqual(start, -1, `the page has "${heading}"`);
  return page.slice(start + heading.length + 1).split(/\n#+ /, 1)[0] as string;
}

/** What stands as code in the first column of the section's table. */
function firstColumn(heading: string): readonly string[] {
  const rows = section(heading)
    .split("\n")
    .filter((line) => line.startsWith("|"));
  return rows.slice(2).flatMap((row) => codes(row.split("|")[1] as string));
}

function codes(text: string): readonly string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string);
}

const sorted = (names: readonly string[]) => names.toSorted();

test("behaviours", () => {
  assert.deepEqual(sorted(firstColumn("## Behaviours")), sorted(behaviourNames));
});

test("modes of an outage", () => {
  assert.deepEqual(sorted(firstColumn("### Outage")), sorted(outageModes));
});

test("operations of payments", () => {
  assert.deepEqual(sorted(firstColumn("### Operations")), sorted(Object.keys(description.operations)));
});

test("test payment methods", () => {
  assert.deepEqual(sorted(firstColumn("### Test payment methods")), sorted(Object.keys(testPaymentMethods)));
});

test("reasons of rejections of payments", () => {
  const named = codes(section("### Rejections")).filter((name) => name !== "confirm");
  assert.deepEqual(sorted(named), sorted(Object.keys(description.rejections)));
});
