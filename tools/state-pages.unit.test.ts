import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { handOffMoves } from "../packages/core/src/model/hand-off.ts";
import { safeActs } from "../packages/core/src/treaty/fallout-cases.ts";
import { codeSpans, tablesOf, withoutFences } from "./markdown.ts";
import { readText, repositoryFiles, typescriptFiles } from "./tree.ts";

/** One page per durable record; the page is wrong when the code is another. */
const files = repositoryFiles();
const pages = files.filter((file) => /^docs\/states\/[^/]+\.md$/.test(file));

/** Pages whose states are the values of a CHECK constraint: table by page. */
const constrained: ReadonlyMap<string, string> = new Map([
  ["docs/states/parked-entry.md", "entente.parked"],
  ["docs/states/process.md", "entente.process"],
  ["docs/states/hand-off.md", "entente.hand_off"],
  ["docs/states/followed-feed.md", "entente.followed_feed"],
  ["docs/states/leaving-month.md", "entente.leaving_month"],
]);

function statesListed(page: string): string[] {
  const table = tablesOf(page).find(({ header }) => header[0] === "State");
  return (table?.rows ?? []).map(([state = ""]) => codeSpans(state)[0] ?? state);
}

interface Transition {
  readonly from: string;
  readonly to: string;
  readonly causedBy: string;
  readonly where: string;
}

function transitionsListed(page: string): Transition[] {
  return tablesOf(page)
    .filter(({ header }) => header[0] === "From" && header[1] === "To")
    .flatMap(({ rows }) => rows)
    .map(([from = "", to = "", causedBy = "", where = ""]) => {
      return { from: codeSpans(from)[0] ?? from, to: codeSpans(to)[0] ?? to, causedBy, where };
    });
}

function transitionsDrawn(page: string): string[] {
  return [...page.matchAll(/^```mermaid\nstateDiagram-v2\n([\s\S]*?)^```/gm)].flatMap(([, diagram = ""]) =>
    [...diagram.matchAll(/^\s*(\S+) --> (\S+) : .+$|^\s*(\S+) --> (\[\*\])$/gm)].map(
      ([, from, to, last, end]) => `${from ?? last} → ${to ?? end}`,
    ),
  );
}

/** Values of `state … check (state in (…))` of a table, over all migrations. */
function statesAllowed(table: string): string[] {
  const migrations = files.filter((file) => /^packages\/core\/migrations\/\d{3}-.*\.sql$/.test(file));
  for (const text of migrations.map(readText)) {
    const columns = new RegExp(`create table ${table.replace(".", "\\.")} \\(([\\s\\S]*?)\\n\\)`).exec(
      text,
    )?.[1];
    const values = /\bstate text not null check \(state in \(([^)]*)\)\)/.exec(columns ?? "")?.[1];
    if (values !== undefined) return [...values.matchAll(/'([^']*)'/g)].map((match) => match[1] as string);
  }
  throw new Error(`${table} has no CHECK on its state`);
}

for (const file of pages) {
  const page = readText(file);
  describe(file, () => {
    test("draws exactly the transitions it lists", () => {
      const listed = transitionsListed(page).map(({ from, to }) => `${from} → ${to}`);
      assert.deepEqual([...listed].sort(), [...transitionsDrawn(page)].sort());
      assert.equal(new Set(listed).size, listed.length);
    });

    test("says what each state is, and each state has a way in", () => {
      const moved = transitionsListed(page).flatMap(({ from, to }) => [from, to]);
      assert.deepEqual(
        [...new Set(moved.filter((state) => state !== "[*]"))].sort(),
        statesListed(page).sort(),
      );
      const entered = new Set(transitionsListed(page).map(({ to }) => to));
      assert.deepEqual(
        statesListed(page).filter((state) => !entered.has(state)),
        [],
      );
    });

    test("names places in the code that exist", () => {
      for (const { from, to, causedBy, where } of transitionsListed(page)) {
        let text = "";
        assert.notEqual(causedBy, "", `${from} → ${to} has a cause`);

        for (const span of codeSpans(where)) {
          if (span.includes("/")) {
            assert.ok(files.includes(span), `${from} → ${to}: ${span} exists`);
            text = readText(span);
          } else {
            assert.ok(text.includes(span), `${from} → ${to}: ${span} is in the file named before it`);
          }
        }
        if (to !== "[*]") assert.notEqual(text, "", `${from} → ${to} says where`);
      }
    });

    test("has the sections that a reader looks for", () => {
      const headings = [...withoutFences(page).matchAll(/^## (.*)$/gm)].map((match) => match[1]);
      for (const heading of ["States", "Invariants", "What is durable when"]) {
        assert.ok(headings.includes(heading), heading);
      }
    });

    const table = constrained.get(file);
    if (table !== undefined) {
      test(`lists exactly the states that ${table} allows`, () => {
        assert.deepEqual(statesListed(page).sort(), statesAllowed(table).sort());
      });
    }
  });
}

test("the process states of the model are those of the page", () => {
  const model = readText("packages/core/src/model/process.ts");
  const union = /export type ProcessState = ([^;]+);/.exec(model)?.[1] ?? "";
  const states = [...union.matchAll(/"([^"]+)"/g)].map((match) => match[1] as string);
  assert.deepEqual(states.sort(), statesListed(readText("docs/states/process.md")).sort());
});

test("the kinds of cases in the code are those the table allows", () => {
  const schema = readText("packages/core/migrations/schema.txt");
  const check = /fallout_case_kind_check CHECK (.*)/.exec(schema)?.[1] ?? "";
  const kinds = [...check.matchAll(/'([^']+)'::text/g)].map((match) => match[1]);
  assert.deepEqual(kinds.sort(), Object.keys(safeActs).sort());
});

test("the hand-off moves of the model are the transitions of the page, by name", () => {
  const page = readText("docs/states/hand-off.md");
  const drawn = [...page.matchAll(/^\s*(\w+) --> (\w+) : ([\w-]+)$/gm)].map(([, from, to, move]) => {
    return `${move}: ${from} → ${to}`;
  });
  const moves = Object.entries(handOffMoves).map(([move, { from, to }]) => `${move}: ${from} → ${to}`);
  assert.deepEqual(drawn.sort(), moves.sort());
});

test("every table with a checked state has its page", () => {
  const migrations = files.filter((file) => /^packages\/core\/migrations\/\d{3}-.*\.sql$/.test(file));
  const tables = migrations.flatMap((file) =>
    [...readText(file).matchAll(/create table (\S+) \(([\s\S]*?)\n\)/g)]
      .filter(([, , columns = ""]) => /\bstate text\b/.test(columns))
      .map((match) => match[1] as string),
  );
  assert.deepEqual(tables.sort(), [...constrained.values()].sort());
});

test("every page is named by the code it describes, and every page that code names exists", () => {
  const named = [...typescriptFiles()]
    .filter(([file]) => !file.startsWith("tools/"))
    .flatMap(([, source]) => [...source.matchAll(/\bdocs\/[\w/-]+\.md\b/g)].map((match) => match[0]));
  for (const page of pages) assert.ok(named.includes(page), `${page} is named by its code`);
  for (const page of new Set(named)) assert.ok(files.includes(page), `${page} exists`);
});
