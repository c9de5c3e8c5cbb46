import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { channelsOf } from "./change-events.ts";
import { description } from "./description.ts";
import { fluxObjects } from "./flux-schema.ts";
import { openSchema } from "./schema.ts";
import { credentials } from "./sessions.ts";

/** The page's section on Salesforce names what there is, and nothing else. */
const page = readFileSync(new URL("../../../../docs/reference/simulators.md", import.meta.url), "utf8");

function section(heading: string): string {
  const start = page.indexOf(`\n### ${heading}\n`);
  assert.notEqual(start, -1, `the page has "${heading}"`);
  return page.slice(start + heading.length + 5).split(/\n#+ /, 1)[0] as string;
}

function firstColumn(heading: string): readonly string[] {
  const rows = section(heading)
    .split("\n")
    .filter((line) => line.startsWith("|"));
  return rows.slice(2).flatMap((row) => codes(row.split("|")[1] as string));
}

function codes(text: string): readonly string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string);
}

const sorted = (names: Iterable<string>) => [...names].toSorted();

test("operations of Salesforce", () => {
  assert.deepEqual(
    sorted(firstColumn("Operations of Salesforce")),
    sorted(Object.keys(description.operations)),
  );
});

test("objects of Salesforce", () => {
  assert.deepEqual(sorted(firstColumn("Objects of Salesforce")), sorted(fluxObjects.map(({ name }) => name)));
});

test("channels of Salesforce", () => {
  assert.deepEqual(sorted(firstColumn("Events of Salesforce")), sorted(channelsOf(openSchema(fluxObjects))));
});

test("reasons of rejections by Salesforce", () => {
  const reasons = section("Rejections by Salesforce").split("\n\n`unauthorized`", 1)[0] as string;
  assert.deepEqual(sorted(codes(reasons)), sorted(Object.keys(description.rejections)));
});

test("credentials of Salesforce", () => {
  const named = codes(section("Signing in to Salesforce"));
  const { organizationId: _, ...shown } = credentials;
  for (const value of Object.values(shown)) assert.ok(named.includes(value), value);
});
