import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { XMLParser } from "fast-xml-parser";
import { readPlainXml } from "./plain-xml.ts";
import { readXml } from "./read-xml.ts";
import { xmlText } from "./write-xml.ts";

const general = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  removeNSPrefix: true,
  ignoreDeclaration: true,
  parseTagValue: false,
  parseAttributeValue: false,
});

const name = fc.constantFrom("A", "Item", "n0:Item", "B.c", "d-e", "_f");
const text = fc.string({
  maxLength: 20,
  unit: fc.constantFrom("a", "1", "&", "<", ">", '"', "'", "é", "€", ".", "-"),
});
const { document } = fc.letrec<{ document: string; inner: string }>((tie) => ({
  inner: fc.oneof({ maxDepth: 4 }, text.map(xmlText), tie("document"), tie("document")),
  document: fc
    .tuple(
      name,
      fc.option(text),
      fc.oneof(fc.constant(null), tie("inner"), fc.array(tie("document"), { maxLength: 4 })),
    )
    .map(([tag, attribute, inside]) => {
      const open = attribute === null ? tag : `${tag} currencyCode="${xmlText(attribute)}"`;
      const content = Array.isArray(inside) ? inside.join("\n  ") : inside;
      return content === null ? `<${open}/>` : `<${open}>${content}</${tag}>`;
    }),
}));

test("the quick reader reads what the general parser reads", () => {
  fc.assert(
    fc.property(document, (xml) => {
      assert.deepEqual(readPlainXml(`<?xml version="1.0"?>\n${xml}\n`), general.parse(xml));
    }),
    { numRuns: 500 },
  );
});

describe("is not well-formed:", () => {
  for (const xml of [
    "",
    "text",
    "<a>",
    "<a></b>",
    "<a><b></a></b>",
    "<a/><b/>",
    "<a/>text",
    "</a>",
    "<a b></a>",
    "<a b=c></a>",
    "<a>&unknown;</a>",
    "<a>1 & 2</a>",
    "<1a/>",
    "<a",
  ]) {
    test(JSON.stringify(xml), () => {
      assert.equal(readPlainXml(xml), null);
    });
  }
});

test("comments and CDATA are read by the general parser", () => {
  assert.deepEqual(readXml("<a><!-- note --><b>1</b><c><![CDATA[<x>]]></c></a>"), {
    a: { b: "1", c: "<x>" },
  });
});

test("a message with a comment may have many entities", () => {
  const amps = "&amp;".repeat(5_000);
  assert.deepEqual(readXml(`<a><!-- note --><b>${amps}</b></a>`), { a: { b: "&".repeat(5_000) } });
});

test("names that every object has are no way into one", () => {
  assert.equal(readPlainXml("<a><__proto__><b/></__proto__></a>"), null);
  assert.equal(readPlainXml("<constructor/>"), null);
  for (const xml of ["<a><__proto__><b>1</b></__proto__></a>", "<a><toString>1</toString></a>"]) {
    readXml(xml);
    assert.equal(({} as { b?: unknown }).b, undefined);
  }
});

test("a document type is never read", () => {
  assert.equal(readXml('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'), null);
});
