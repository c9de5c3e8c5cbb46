import assert from "node:assert/strict";
import { test } from "node:test";
import { variableOf } from "../packages/cli/src/settings-from-environment.ts";
import { defaultSettings } from "../packages/core/src/context/definition.ts";
import { codeSpans, tablesOf } from "./markdown.ts";
import { placeOf } from "./places.ts";
import { readSource } from "./source-text.ts";
import { readText, typescriptFiles } from "./tree.ts";

/** docs/reference/configuration.md against the code, both ways. */
const listed = new Map(
  tablesOf(readText("docs/reference/configuration.md"))
    .filter(({ header }) => header[0] === "Variable")
    .flatMap(({ rows }) => rows)
    .map(([variable = "", value = ""]) => [codeSpans(variable)[0] ?? "", codeSpans(value)[0] ?? value]),
);
const settings = new Map(
  Object.entries(defaultSettings).map(([name, value]) => [variableOf(name), String(value)]),
);

/** Variables that production code and the testkit read by name. */
function variablesRead(): Set<string> {
  const read = new Set<string>();
  for (const [file, source] of typescriptFiles()) {
    const { package: inPackage, system } = placeOf(file);
    if (/\.(?:test|fixture)\.ts$/.test(file) || (inPackage === null && system === null)) continue;
    const { code } = readSource(source);
    for (const [variable] of code.matchAll(/\b(?:ENTENTE_[A-Z_]*[A-Z]|PORT)\b/g)) read.add(variable);
  }
  return read;
}

test("every threshold is listed with its default", () => {
  for (const [variable, value] of settings) assert.equal(listed.get(variable), value, variable);
});

test("every variable that is read is listed", () => {
  assert.deepEqual(
    [...variablesRead()].filter((variable) => !listed.has(variable)),
    [],
  );
});

test("every variable that is listed is read", () => {
  const known = variablesRead().add("ENTENTE_DATABASE_URL_<CONTEXT>");
  assert.deepEqual(
    [...listed.keys()].filter((variable) => !known.has(variable) && !settings.has(variable)),
    [],
  );
});
