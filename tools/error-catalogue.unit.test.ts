import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { edgeErrors, streamCloses } from "../packages/edge/src/edge-errors.ts";
import { codesInSources, disagreements, readCatalogue } from "./error-catalogue.ts";
import { readText, typescriptFiles } from "./tree.ts";

const domain = "systems/alpha/contexts/sales/domain/sell.ts";
const refusals = "systems/alpha/contexts/sales/contract/refusals.ts";

/** Disagreements between one source file and a page with these rows. */
function betweenSpecimens(file: string, source: string, page: string): readonly string[] {
  return disagreements(codesInSources(new Map([[file, source]])), readCatalogue(page));
}

function rows(...lines: readonly string[]): string {
  return `| Code | Kind | HTTP status | Meaning |\n| - | - | - | - |\n${lines.join("\n")}\n`;
}

const lost = 'throw new Failure(\n  "unavailable",\n  "lane-lost",\n  "…",\n);';

describe("a catalogue that must fail:", () => {
  for (const [title, file, source, page, says] of [
    ["a failure not listed", "packages/core/src/a.ts", lost, rows(), "lane-lost is not on the page"],
    ["a refusal not listed", domain, 'return refuse("no-stock");', rows(), "no-stock is not on the page"],
    [
      "a published refusal",
      refusals,
      'const r = {\n  "no-stock": "None.",\n};',
      rows(),
      "no-stock is not on the page",
    ],
    ["a reason not listed", domain, 'const r = { code: "gone" };', rows(), "gone is not on the page"],
    [
      "an answer not listed",
      "packages/edge/src/a.ts",
      'const e = { code: "too-late", status: 410 };',
      rows(),
      "too-late is not on the page",
    ],
    [
      "a code listed and not used",
      domain,
      "",
      rows("| `no-stock` | refusal | – | a |"),
      "no-stock is on the page, but nothing uses it",
    ],
    [
      "a code listed twice",
      domain,
      'refuse("no-stock")',
      rows("| `no-stock` | refusal | – | a |", "| `no-stock` | refusal | – | b |"),
      "no-stock is on the page twice",
    ],
    [
      "the wrong kind",
      "packages/core/src/a.ts",
      lost,
      rows("| `lane-lost` | conflict | – | a |"),
      "lane-lost is of kind unavailable",
    ],
    [
      "the wrong status",
      "packages/edge/src/a.ts",
      'const e = { code: "too-late", status: 410 };',
      rows("| `too-late` | edge | 404 | a |"),
      "too-late has HTTP status 410",
    ],
    [
      "a code that is not kebab-case",
      domain,
      'refuse("noStock")',
      rows("| `noStock` | refusal | – | a |"),
      "noStock is not kebab-case",
    ],
    [
      "a retired code that comes back",
      domain,
      'refuse("no-stock")',
      `${rows("| `no-stock` | refusal | – | a |")}\n| Retired code |\n| - |\n| \`no-stock\` |`,
      "no-stock is retired",
    ],
    [
      "a code nobody can read from the source",
      "packages/core/src/a.ts",
      "throw new Failure(kind, codeOf(error), text);",
      rows(),
      "packages/core/src/a.ts: new Failure(kind",
    ],
    [
      "a close not listed",
      "packages/edge/src/a.ts",
      'export const streamCloses = { "too-late": 1008 } as const;',
      rows(),
      "close too-late is 1008",
    ],
  ] as const) {
    test(title, () => {
      const found = betweenSpecimens(file, source, page);
      assert.ok(
        found.some((text) => text.startsWith(says)),
        `${says} …, but: ${found.join("; ")}`,
      );
    });
  }
});

test("a catalogue that agrees passes, and comments and tests make no codes", () => {
  const source = `${lost}\n// new Failure("defect", "not-a-code", "")`;
  const page = rows("| `lane-lost` | unavailable | – | a |");
  assert.deepEqual(betweenSpecimens("packages/core/src/a.ts", source, page), []);
  assert.deepEqual(betweenSpecimens("packages/core/src/a.unit.test.ts", source, rows()), []);
});

test("codes of the systems that simulators speak for are not ours, but a simulator's failures are", () => {
  const file = "packages/simulators/src/ledger/post.ts";
  assert.deepEqual(betweenSpecimens(file, 'const e = { code: "card_declined", status: 402 };', rows()), []);
  assert.match(betweenSpecimens(file, lost, rows()).join(), /lane-lost is not on the page/);
});

describe("docs/reference/errors.md", () => {
  const sources = codesInSources(typescriptFiles());

  test("agrees with the sources in both directions", () => {
    assert.deepEqual(disagreements(sources, readCatalogue(readText("docs/reference/errors.md"))), []);
  });

  test("was compared with everything the edge can answer", () => {
    for (const { code, status } of edgeErrors) assert.equal(sources.codes.get(code)?.status, status, code);
    assert.deepEqual(Object.fromEntries(sources.closes), { ...streamCloses });
  });
});
