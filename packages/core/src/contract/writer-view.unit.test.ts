import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Type } from "typebox";
import type { Json } from "../model/entry.ts";
import { validator } from "./compare-schemas.ts";
import type { JsonSchema } from "./json-schema.ts";
import { writerView } from "./writer-view.ts";

const a = Type.Object({ a: Type.Optional(Type.String()) });
const b = Type.Object({ b: Type.Optional(Type.String()) });

describe("a writer of", () => {
  const cases: [string, JsonSchema, Json[], Json[]][] = [
    ["an open object writes its members only", a, [{}, { a: "x" }], [{ c: 1 }, { a: "x", c: 1 }]],
    ["an object in an object", Type.Object({ inner: a }), [{ inner: { a: "x" } }], [{ inner: { c: 1 } }]],
    ["objects in an array", Type.Array(a), [[{ a: "x" }]], [[{ c: 1 }]]],
    ["objects in a tuple", Type.Tuple([a, b]), [[{ a: "x" }, { b: "x" }]], [[{ b: "x" }, {}]]],
    [
      "an intersection writes the members of all its parts",
      Type.Intersect([a, b]),
      [{ a: "x", b: "x" }],
      [{ c: 1 }],
    ],
    [
      "a union may write the members of several parts",
      Type.Union([a, b]),
      [{ a: "x" }, { b: "x" }, { a: "x", b: "x" }],
      [{ a: "x", c: 1 }],
    ],
    [
      "a union beside members writes both",
      { type: "object", properties: { c: {} }, anyOf: [a, b] },
      [
        { c: 1, a: "x" },
        { c: 1, b: "x" },
      ],
      [{ d: 1 }],
    ],
    ["a record writes any name", Type.Record(Type.String(), Type.Integer()), [{ x: 1, y: 2 }], [{ x: "1" }]],
    [
      "an object declared open writes anything",
      Type.Object({}, { additionalProperties: true }),
      [{ x: 1 }],
      [],
    ],
    [
      "a required member without a schema writes it",
      { type: "object", required: ["x"] },
      [{ x: 1 }],
      [{ x: 1, y: 2 }],
    ],
    ["anything writes anything", true, [{ x: 1 }, 1, null], []],
    [
      "a recursive schema is closed at every level",
      Type.Cyclic({ Node: Type.Object({ below: Type.Array(Type.Ref("Node")) }) }, "Node"),
      [{ below: [{ below: [] }] }],
      [{ below: [{ below: [], c: 1 }] }],
    ],
    [
      "a nullable object is closed, and so are the items of a nullable array",
      Type.Object({ o: Type.Union([a, Type.Null()]), l: Type.Union([Type.Array(a), Type.Null()]) }),
      [
        { o: { a: "x" }, l: [{ a: "x" }] },
        { o: null, l: null },
      ],
      [
        { o: { c: 1 }, l: null },
        { o: null, l: [{ c: 1 }] },
      ],
    ],
    [
      "a list that ends in null is closed at every level",
      Type.Cyclic({ Node: Type.Object({ next: Type.Union([Type.Ref("Node"), Type.Null()]) }) }, "Node"),
      [{ next: { next: null } }],
      [{ next: { next: null, c: 1 } }],
    ],
    [
      "a member that two parts speak of stays open, because each of them names only some of what lies in it",
      Type.Intersect([Type.Object({ inner: a, own: b }), Type.Object({ inner: b })]),
      [{ inner: { a: "x", b: "x" }, own: { b: "x" } }],
      [
        { inner: {}, own: { a: "x" } },
        { inner: {}, own: {}, c: 1 },
      ],
    ],
    [
      "members that a name and a pattern speak of stay open as well",
      { properties: { ax: a }, patternProperties: { "^a": b } },
      [{ ax: { a: "x", b: "x" } }],
      [],
    ],
    [
      "a conditional schema stays open",
      JSON.parse(
        '{"properties":{"x":{"properties":{"a":{}}}},"if":true,"then":{"properties":{"x":{"properties":{"b":{}}},"y":{}}}}',
      ),
      [{ x: { a: "x", b: "x" }, y: 1 }],
      [],
    ],
    [
      "a reference in a composition leaves it open, because closing what it points to would close too much",
      { $defs: { a }, allOf: [{ $ref: "#/$defs/a" }, { properties: { c: {} } }] },
      [{ a: "x", c: 1 }],
      [],
    ],
  ];
  for (const [title, schema, written, not] of cases) {
    test(title, () => {
      const writes = validator(writerView(schema));
      for (const document of written) assert.equal(writes(document), true, JSON.stringify(document));
      for (const document of not) assert.equal(writes(document), false, JSON.stringify(document));
    });
  }

  test("a schema no document fits when closed is left as it is", () => {
    const schema = {
      allOf: [{ properties: { a: false }, additionalProperties: { type: "integer" } }, { required: ["b"] }],
    };
    assert.equal(validator(writerView(schema))({ b: 1 }), true);
  });
});
