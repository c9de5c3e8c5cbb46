import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { broken, type Specimen, sound } from "./boundaries.fixture.ts";
import { checkBoundaries, checkRepository, ruleNames, violationText } from "./boundaries.ts";
import type { Workspace } from "./imports.ts";

const workspaces: readonly Workspace[] = [
  workspace("@entente/core", "packages/core", ["typebox", "pg"], {
    ".": "./src/index.ts",
    "./model": "./src/model/index.ts",
    "./internal": "./src/internal.ts",
    "./testing": "./src/testing.ts",
  }),
  workspace("@entente/edge", "packages/edge", ["@entente/core", "fastify"]),
  workspace("@entente/simulators", "packages/simulators", ["fastify"]),
  workspace("@entente/testkit", "packages/testkit", ["@entente/core"]),
  workspace("@entente/cli", "packages/cli", ["@entente/core", "@entente/alpha"]),
  workspace("@entente/alpha", "systems/alpha", ["@entente/core", "typebox"], { ".": "./app/alpha.ts" }),
  workspace("@entente/beta", "systems/beta", ["@entente/core"], { ".": "./app/beta.ts" }),
];

function workspace(
  name: string,
  folder: string,
  dependencies: readonly string[],
  exports: Readonly<Record<string, string>> = { ".": "./src/index.ts" },
): Workspace {
  return { name, folder, exports, dependencies: new Set(dependencies) };
}

function rulesBrokenBy(specimen: Specimen): string[] {
  return checkBoundaries(new Map(Object.entries(specimen.files)), workspaces).map(({ rule }) => rule);
}

describe("a specimen that must fail:", () => {
  for (const specimen of broken) {
    test(`${specimen.rule}: ${specimen.title}`, () => {
      assert.ok(rulesBrokenBy(specimen).includes(specimen.rule));
    });
  }

  test("every rule has one", () => {
    const without = ruleNames.filter((name) => !broken.some(({ rule }) => rule === name));
    assert.deepEqual(without, []);
  });
});

describe("a neighbour that must pass:", () => {
  for (const specimen of sound) {
    test(`${specimen.rule}: ${specimen.title}`, () => {
      assert.deepEqual(rulesBrokenBy(specimen), []);
    });
  }
});

test("the repository keeps every rule", () => {
  assert.equal(checkRepository().map(violationText).join("\n"), "");
});
