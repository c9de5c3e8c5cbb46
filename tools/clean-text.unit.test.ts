import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { brokenLinks, namesDownloads, strangersAtRoot, uncleanPlaces } from "./clean-text.ts";
import { readText, repositoryFiles } from "./tree.ts";

const files = repositoryFiles();
const isText = (file: string) => !/\.(?:png|jpe?g|gif|webp|ico|woff2?|gz|zip|wasm)$/.test(file);

describe("a text that must fail:", () => {
  // In two parts, or this file would be one.
  for (const [start, end] of [
    ["see /wo", "rk/main/README.md"],
    ["cd /ro", "ot/project"],
    ['"/ho', 'me/someone/project"'],
    ["https://registry", ".npmjs.org/pg"],
    ["http://deb", ".debian.org/debian"],
    ["FROM ghcr", ".io/some/image"],
  ] as const) {
    test(`${start}…`, () => assert.deepEqual(uncleanPlaces(`a\n${start}${end}\nb`).length, 1));
  }

  test("a lock file that says where it was downloaded", () => {
    assert.ok(namesDownloads('{ "resolved": "https://somewhere/pg.tgz" }'));
  });

  test("a plan beside the README", () => {
    assert.deepEqual(strangersAtRoot(["README.md", "PLAN.md", "docs/a.md"]), ["PLAN.md"]);
  });

  test("links to nothing, and to headings that are not there", () => {
    const pages = new Map([
      [
        "docs/a.md",
        "# One two\n[b](../b.md) [c](c.md) [d](#one-two) [e](#three) [f](../b.md#b) [g](../b.md#x)",
      ],
      ["b.md", "# B\n`[not](a-link)`\n```\n[nor](this)\n```\n[docs](docs/) [web](https://example.org)"],
    ]);
    assert.deepEqual(brokenLinks(pages, [...pages.keys()]), [
      "docs/a.md: c.md",
      "docs/a.md: #three",
      "docs/a.md: ../b.md#x",
    ]);
  });
});

describe("a neighbour that must pass:", () => {
  for (const text of [
    "a network/home/page",
    "the /work of a day",
    "./root/file",
    "crosswork/main",
    "/ops/parked",
  ]) {
    test(text, () => assert.deepEqual(uncleanPlaces(text), []));
  }
});

describe("the repository", () => {
  test("has no machine paths and no registry addresses", () => {
    const unclean = files
      .filter(isText)
      .flatMap((file) => uncleanPlaces(readText(file)).map((place) => `${file}:${place}`));
    assert.deepEqual(unclean, []);
  });

  test("has lock files without addresses", () => {
    const locks = files.filter((file) => file.endsWith("package-lock.json"));
    assert.ok(locks.includes("package-lock.json"));
    assert.deepEqual(
      locks.filter((file) => namesDownloads(readText(file))),
      [],
    );
  });

  test("has a clean root", () => {
    assert.deepEqual(strangersAtRoot(files), []);
  });

  test("has no broken links", () => {
    const pages = files.filter((file) => file.endsWith(".md"));
    assert.deepEqual(brokenLinks(new Map(pages.map((file) => [file, readText(file)])), files), []);
  });
});
