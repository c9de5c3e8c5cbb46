import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { codeSpans, tablesOf } from "./markdown.ts";
import { readText, repositoryFiles, repositoryRoot } from "./tree.ts";

/** docs/decisions/dependencies.md against every package.json, both ways. */

type Names = Readonly<Record<string, string>> | undefined;

interface PackageJson {
  readonly name: string;
  readonly dependencies?: Names;
  readonly devDependencies?: Names;
  readonly optionalDependencies?: Names;
  readonly peerDependencies?: Names;
}

interface Line {
  readonly name: string;
  readonly users: readonly string[];
  readonly cells: readonly string[];
  readonly licence: string;
}

/** Short name of a package.json's folder, as the table has it: `root`, `core`, `flux`, `bench/peers`. */
function userOf(file: string): string {
  const folder = path.posix.dirname(file);
  return folder === "." ? "root" : folder.replace(/^(?:packages|systems)\//, "");
}

/** Who depends on what, workspaces left out: `user` by dependency. */
function declaredIn(manifests: ReadonlyMap<string, string>): Map<string, Set<string>> {
  const users = new Map<string, Set<string>>();
  for (const [file, text] of manifests) {
    const json = JSON.parse(text) as PackageJson;
    const { dependencies, devDependencies, optionalDependencies, peerDependencies } = json;
    const all = { ...dependencies, ...devDependencies, ...optionalDependencies, ...peerDependencies };
    for (const name of Object.keys(all)) {
      if (name.startsWith("@entente/")) continue;
      users.set(name, (users.get(name) ?? new Set()).add(userOf(file)));
    }
  }
  return users;
}

function linesOf(page: string): readonly Line[] {
  return tablesOf(page)
    .filter(({ header }) => header[0] === "Package")
    .flatMap(({ rows }) => rows)
    .map((cells) => ({
      name: codeSpans(cells[0] ?? "")[0] ?? "",
      users: (cells[1] ?? "").split(", ").filter((user) => user !== "optional"),
      cells,
      licence: cells[4] ?? "",
    }));
}

function disagreements(manifests: ReadonlyMap<string, string>, page: string): string[] {
  const declared = declaredIn(manifests);
  const lines = linesOf(page);
  const says: string[] = [];
  for (const name of declared.keys()) {
    if (!lines.some((line) => line.name === name)) says.push(`${name} has no line`);
  }
  for (const { name, users, cells } of lines) {
    if (lines.filter((line) => line.name === name).length > 1) says.push(`${name} has two lines`);
    const actual = declared.get(name);
    if (actual === undefined) says.push(`${name} has a line, but nobody depends on it`);
    else if ([...actual].sort().join() !== [...users].sort().join()) {
      says.push(`${name} is used by ${[...actual].sort().join(", ")}`);
    }
    if (cells.length !== 6 || cells.includes("")) says.push(`${name}: a cell is empty`);
  }
  return says;
}

const header =
  "| Package | Used by | What for | Why this one | Licence | Replaces |\n| - | - | - | - | - | - |\n";
const one = new Map([["packages/core/package.json", '{"name":"c","dependencies":{"pg":"1"}}']]);

describe("a dependency table that must fail:", () => {
  for (const [title, rows, says] of [
    ["a dependency without a line", "", "pg has no line"],
    [
      "a line without a dependency",
      "| `pg` | core | a | b | MIT | c |\n| `x` | core | a | b | MIT | c |",
      "x has a line",
    ],
    ["the wrong user", "| `pg` | edge | a | b | MIT | c |", "pg is used by core"],
    ["an empty cell", "| `pg` | core | a | | MIT | c |", "pg: a cell is empty"],
    ["two lines", "| `pg` | core | a | b | MIT | c |\n| `pg` | core | a | b | MIT | c |", "pg has two lines"],
  ] as const) {
    test(title, () => {
      assert.ok(disagreements(one, header + rows).some((text) => text.startsWith(says)));
    });
  }
});

const page = readText("docs/decisions/dependencies.md");

test("every dependency has a line with its users, and every line a dependency", () => {
  const files = repositoryFiles().filter((file) => path.posix.basename(file) === "package.json");
  assert.deepEqual(disagreements(new Map(files.map((file) => [file, readText(file)])), page), []);
});

test("licences are those the installed packages state", () => {
  for (const { name, licence } of linesOf(page)) {
    // Packages of other platforms and of the benchmark are not installed everywhere.
    const manifest = path.join(repositoryRoot, "node_modules", name, "package.json");
    if (!existsSync(manifest)) continue;
    const json = JSON.parse(readFileSync(manifest, "utf8")) as { readonly license?: string };
    assert.equal(json.license, licence, name);
  }
});
