import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { credentials, operations } from "./description.ts";
import { demoMasterData } from "./ledger/master-data.ts";
import { rejections } from "./refusals.ts";
import { defaultSettings } from "./settings.ts";

/** What docs/reference/simulators.md says of SAP is what there is. */
const page = readFileSync(new URL("../../../../docs/reference/simulators.md", import.meta.url), "utf8");

function section(heading: string): string {
  const start = page.indexOf(`\n${heading}\n`);
  assert.notEqual(start, -1, `the page has "${heading}"`);
  return page.slice(start + heading.length + 2).split(/\n#+ /, 1)[0] as string;
}

const codes = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string);

/** What stands as code in the first column of a table. */
function firstColumn(table: string): readonly string[] {
  const rows = table.split("\n").slice(2);
  return rows.flatMap((row) => codes(row.split("|")[1] as string));
}

test("operations", () => {
  const [table = ""] = section("### Operations of SAP").trim().split("\n\n");
  assert.deepEqual(firstColumn(table).toSorted(), Object.keys(operations).toSorted());
});

test("reasons of rejections", () => {
  const [reasons = ""] = section("### Refusals of SAP").trim().split("\n\n");
  assert.deepEqual(codes(reasons).toSorted(), Object.keys(rejections).toSorted());
});

test("settings", () => {
  const table = section("### Control of SAP").trim().split("\n\n").at(-1) as string;
  assert.deepEqual(firstColumn(table).toSorted(), Object.keys(defaultSettings).toSorted());
});

test("credentials", () => {
  const named = codes(section("### Signing in to SAP"));
  for (const value of Object.values(credentials)) assert.ok(named.includes(value), value);
});

test("company codes and accounts", () => {
  const named = codes(section("### Posting to SAP"));
  const { companies, accounts } = demoMasterData();
  for (const value of [...companies.keys(), ...accounts.keys()]) {
    assert.ok(named.includes(value.replace(/^0+/, "")), value);
  }
});
