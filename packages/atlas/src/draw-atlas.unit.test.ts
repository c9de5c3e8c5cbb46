import assert from "node:assert/strict";
import path from "node:path";
import { describe, test } from "node:test";
import { runbookEntries, treatyQuestions } from "@entente/core";
import { contextMap } from "./context-map.ts";
import { drawAtlas } from "./draw-atlas.ts";
import { shop, shopAtlas } from "./shop.fixture.ts";

const { pages, site } = drawAtlas(shopAtlas);
const treaties = shop.contexts.flatMap((context) => context.treaties ?? []);

const textOf = (files: ReadonlyMap<string, string>, name: string): string => {
  const text = files.get(name);
  assert.ok(text !== undefined, `there is no ${name}, only ${[...files.keys()].join(", ")}`);
  return text;
};

/** Rows of the first table after a heading, or of the first one. */
function rowsAfter(markdown: string, heading: string): string[] {
  const from = markdown.slice(heading === "" ? 0 : markdown.indexOf(`## ${heading}`));
  return /(?:^\|.*\n)+/m.exec(from)?.[0].trim().split("\n").slice(2) ?? [];
}

describe("the documents of a system", () => {
  for (const { name } of treaties) {
    test(`have a sheet of 21 entries, eleven answers and a runbook of 21 entries for ${name}`, () => {
      const sheet = textOf(pages, `treaties/${name}.md`);
      assert.equal(rowsAfter(sheet, "Contract sheet").length, 21);
      assert.equal(rowsAfter(sheet, "Eleven questions").length, treatyQuestions.length);
      const runbook = rowsAfter(textOf(pages, `runbooks/${name}.md`), "");
      assert.equal(runbook.length, runbookEntries.length);
      assert.equal(runbook.length, 21);
      assert.ok(runbook.every((row) => /^\| \S[^|]* \| \S.* \|$/.test(row)));
    });
  }

  test("are the same bytes every time, and name no day", () => {
    assert.deepEqual(drawAtlas(shopAtlas), { pages, site });
    for (const text of [...pages.values(), ...site.values()])
      assert.doesNotMatch(text, /\b20\d\d-\d\d-\d\d\b/);
  });

  test("show what declarations say as text, whatever is in it", () => {
    const [one] = treaties;
    const html = textOf(site, `treaties/${one?.name}.html`);
    assert.ok(html.includes("&lt;b&gt;a|b&lt;/b&gt; &amp; &quot;c&quot; of <code>orders</code>."));
    assert.ok(!html.includes("<b>"));
    const markdown = textOf(pages, `treaties/${one?.name}.md`);
    assert.ok(markdown.includes('\\<b\\>a\\|b\\</b\\> & "c" of `orders`.'));
  });
});

describe("the site", () => {
  const linked = [...site].flatMap(([file, text]) =>
    [...text.matchAll(/\b(?:href|src)="([^"]*)"/g)].map((match) => ({ file, to: match[1] as string })),
  );

  test("has no link that leads nowhere, and none that leads outside", () => {
    assert.ok(linked.length > 100);
    for (const { file, to } of linked) {
      if (to.startsWith("#")) continue;
      assert.ok(site.has(path.posix.join(path.posix.dirname(file), to)), `${file} links to ${to}`);
    }
  });

  test("reaches every page from the first", () => {
    const reached = new Set<string>();
    const go = (file: string): void => {
      if (reached.has(file)) return;
      reached.add(file);
      for (const one of linked.filter((link) => link.file === file && !link.to.startsWith("#")))
        go(path.posix.join(path.posix.dirname(file), one.to));
    };
    go("index.html");
    assert.deepEqual(
      [...site.keys()].filter((file) => !reached.has(file)),
      [],
    );
  });

  test("works without scripts, has one first heading a page, a language, and names for all that scrolls", () => {
    for (const [file, text] of site) {
      if (!file.endsWith(".html")) continue;
      assert.doesNotMatch(text, /<script|\son[a-z]+=|javascript:|@import|url\(\s*["']?http/, file);
      assert.equal(text.match(/<h1>/g)?.length, 1, file);
      assert.match(text, /<html lang="en">/);
      assert.match(text, /<main id="content"/);
      for (const scrolls of text.match(/<[a-z]+[^>]*tabindex="0"[^>]*>/g) ?? [])
        assert.match(scrolls, /role="region" aria-label="[^"]+"/);
    }
  });
});

describe("the context map", () => {
  const { nodes, edges } = contextMap(shop, shopAtlas.contract);
  const told = edges.map(({ from, to, kind, relation }) => `${from} > ${to}: ${kind}, ${relation}`);

  test("has every context, every counterparty and the clients", () => {
    assert.deepEqual(
      nodes.map(({ id }) => id),
      [
        "clients",
        "context front",
        "context orders",
        "context shipping",
        "counterparty customers",
        "counterparty carrier",
        "counterparty warehouse",
        "counterparty bank",
      ],
    );
  });

  test("has every arrow with its kind and relation", () => {
    assert.deepEqual(told, [
      "clients > context front: command, open host service",
      "clients > context front: query, open host service",
      "context orders > context front: fact, published language, conformist",
      "context front > context orders: command, customer-supplier",
      "context orders > counterparty customers: query, anti-corruption layer",
      "context orders > counterparty customers: control-plane sync, anti-corruption layer",
      "context shipping > counterparty carrier: command, anti-corruption layer",
      "context shipping > counterparty carrier: query, anti-corruption layer",
      "counterparty carrier > context shipping: callback, anti-corruption layer",
      "context orders > context shipping: fact, published language, conformist",
      "context shipping > counterparty warehouse: fact, anti-corruption layer",
      "context shipping > counterparty warehouse: query, anti-corruption layer",
      "context shipping > counterparty bank: file, anti-corruption layer",
      "context shipping > counterparty bank: query, anti-corruption layer",
      "counterparty warehouse > context shipping: table, anti-corruption layer",
    ]);
  });

  test("is drawn with every party and every label, inside its frame, and told in words", () => {
    const svg = textOf(pages, "context-map.svg");
    const [, width = 0, height = 0] = (/viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? []).map(Number);
    assert.equal(svg.match(/<path class="edge"/g)?.length, edges.length);
    for (const { name } of nodes) assert.ok(svg.includes(`>${name}</text>`), name);
    const labels = [...svg.matchAll(/class="label kind"[^>]*>([^<]*)</g)].map((match) => match[1]);
    assert.deepEqual(
      labels,
      edges.map(({ kind }) => kind),
    );
    for (const [, x, y] of svg.matchAll(/<text[^>]* x="([\d.-]+)" y="([\d.-]+)"/g)) {
      assert.ok(Number(x) > 0 && Number(x) < width && Number(y) > 0 && Number(y) < height);
    }
    assert.match(svg, /<desc id="map-says">[^<]*Clients to front: command, open host service\./);
    assert.match(svg, /role="img" aria-labelledby="map-title map-says"/);
  });

  test("is Mermaid text as well, arrow for arrow", () => {
    const markdown = textOf(pages, "context-map.md");
    const mermaid = /```mermaid\n([\s\S]*?)```/.exec(markdown)?.[1] ?? "";
    assert.equal(mermaid.match(/\|"[^"]+"\|/g)?.length, edges.length);
  });
});
