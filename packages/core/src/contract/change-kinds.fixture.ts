/**
 * Every kind of change to a schema with its verdict: the rows of docs/reference/contract-compatibility.md. A test asks the
 * checker for each, and another compares the page with this list.
 */
import { type TSchema, Type } from "typebox";
import type { GapRule } from "./gap.ts";
import type { JsonSchema } from "./json-schema.ts";

export interface ChangeKind {
  readonly change: string;
  readonly before: JsonSchema;
  readonly after: JsonSchema;
  /** Today's readers and yesterday's writers: the rule that breaks, or null. */
  readonly backward: GapRule | null;
  /** Yesterday's readers and today's writers. */
  readonly forward: GapRule | null;
}

const id = Type.String({ minLength: 1 });
const open = (members: Record<string, TSchema>) => Type.Object({ id, ...members });
const closed = (members: Record<string, TSchema>) =>
  Type.Object({ id, ...members }, { additionalProperties: false });
const field = (schema: TSchema | JsonSchema) => Type.Object({ value: schema as TSchema });
const note = Type.String();
const withDefault = Type.Optional(Type.String({ default: "none" }));

const shapes = [
  ["closed", closed],
  ["open", open],
] as const;

const members: ChangeKind[] = shapes.flatMap(([name, shape]) => [
  {
    change: `add an optional member to a ${name} object`,
    before: shape({}),
    after: shape({ note: Type.Optional(note) }),
    backward: null,
    forward: name === "closed" ? "member-not-allowed" : null,
  },
  {
    change: `add an optional member with a default to a ${name} object`,
    before: shape({}),
    after: shape({ note: withDefault }),
    backward: null,
    forward: name === "closed" ? "member-not-allowed" : null,
  },
  {
    change: `add a required member to a ${name} object`,
    before: shape({}),
    after: shape({ note }),
    backward: "member-missing",
    forward: name === "closed" ? "member-not-allowed" : null,
  },
  {
    change: `remove an optional member from a ${name} object`,
    before: shape({ note: Type.Optional(note) }),
    after: shape({}),
    backward: name === "closed" ? "member-not-allowed" : null,
    forward: null,
  },
  {
    change: `remove an optional member with a default from a ${name} object`,
    before: shape({ note: withDefault }),
    after: shape({}),
    backward: name === "closed" ? "member-not-allowed" : null,
    forward: null,
  },
  {
    change: `remove a required member from a ${name} object`,
    before: shape({ note }),
    after: shape({}),
    backward: name === "closed" ? "member-not-allowed" : null,
    forward: "member-missing",
  },
]);

export const changeKinds: readonly ChangeKind[] = [
  {
    change: "change a title, a description, a default or an example",
    before: field(Type.String({ title: "a", description: "b", default: "c", examples: ["d"] })),
    after: field(Type.String({ title: "other" })),
    backward: null,
    forward: null,
  },
  ...members,
  {
    change: "rename a member",
    before: open({ note }),
    after: open({ remark: note }),
    backward: "member-missing",
    forward: "member-missing",
  },
  {
    change: "make an optional member required",
    before: open({ note: Type.Optional(note) }),
    after: open({ note }),
    backward: "member-missing",
    forward: null,
  },
  {
    change: "make a required member optional",
    before: open({ note }),
    after: open({ note: Type.Optional(note) }),
    backward: null,
    forward: "member-missing",
  },
  { change: "close an open object", before: open({}), after: closed({}), backward: null, forward: null },
  { change: "open a closed object", before: closed({}), after: open({}), backward: null, forward: null },
  {
    change: "allow null",
    before: field(note),
    after: field(Type.Union([note, Type.Null()])),
    backward: null,
    forward: "type-not-accepted",
  },
  {
    change: "change a member's type",
    before: field(Type.Integer()),
    after: field(Type.String()),
    backward: "type-not-accepted",
    forward: "type-not-accepted",
  },
  {
    change: "widen integer to number",
    before: field(Type.Integer()),
    after: field(Type.Number()),
    backward: null,
    forward: "type-not-accepted",
  },
  {
    change: "add a value to an enumeration",
    before: field(Type.Enum(["car"])),
    after: field(Type.Enum(["car", "train"])),
    backward: null,
    forward: "value-not-listed",
  },
  {
    change: "take a value from an enumeration",
    before: field(Type.Enum(["car", "train"])),
    after: field(Type.Enum(["car"])),
    backward: "value-not-listed",
    forward: null,
  },
  {
    change: "write an enumeration as a union of literals",
    before: field(Type.Enum(["car", "train"])),
    after: field(Type.Union([Type.Literal("car"), Type.Literal("train")])),
    backward: null,
    forward: null,
  },
  {
    change: "replace any text by an enumeration",
    before: field(note),
    after: field(Type.Enum(["car"])),
    backward: "value-not-listed",
    forward: null,
  },
  {
    change: "raise a minimum or lower a maximum",
    before: field(Type.Integer({ minimum: 0, maximum: 10 })),
    after: field(Type.Integer({ minimum: 0, maximum: 9 })),
    backward: "number-out-of-range",
    forward: null,
  },
  {
    change: "raise a maximum that is far away",
    before: field(Type.Integer({ minimum: 0, maximum: 1_000 })),
    after: field(Type.Integer({ minimum: 0, maximum: 2_000 })),
    backward: null,
    forward: "number-out-of-range",
  },
  {
    change: "write `minimum: 1` of an integer as `exclusiveMinimum: 0`",
    before: field(Type.Integer({ minimum: 1 })),
    after: field(Type.Integer({ exclusiveMinimum: 0 })),
    backward: null,
    forward: null,
  },
  {
    change: "demand a coarser multiple",
    before: field(Type.Integer({ multipleOf: 5 })),
    after: field(Type.Integer({ multipleOf: 10 })),
    backward: "not-a-multiple",
    forward: null,
  },
  {
    change: "shorten a text",
    before: field(Type.String({ maxLength: 64 })),
    after: field(Type.String({ maxLength: 32 })),
    backward: "length-out-of-range",
    forward: null,
  },
  {
    change: "narrow a pattern",
    before: field(Type.String({ pattern: "^[a-z]{1,64}$" })),
    after: field(Type.String({ pattern: "^[a-z]{1,32}$" })),
    backward: "pattern-not-matched",
    forward: null,
  },
  {
    change: "write the same pattern differently",
    before: field(Type.String({ pattern: "^[0-9]{4}$" })),
    after: field(Type.String({ pattern: "^\\d\\d\\d\\d$", maxLength: 4 })),
    backward: null,
    forward: null,
  },
  {
    change: "demand a format",
    before: field(note),
    after: field(Type.String({ format: "date-time" })),
    backward: "format-not-promised",
    forward: null,
  },
  {
    change: "demand more items, or allow fewer",
    before: field(Type.Array(note, { minItems: 1 })),
    after: field(Type.Array(note, { minItems: 2 })),
    backward: "items-count-out-of-range",
    forward: null,
  },
  {
    change: "demand different items",
    before: field(Type.Array(note)),
    after: field(Type.Array(note, { uniqueItems: true })),
    backward: "items-repeat",
    forward: null,
  },
  {
    change: "demand different items of two at most",
    before: field(Type.Array(note, { maxItems: 2 })),
    after: field(Type.Array(note, { maxItems: 2, uniqueItems: true })),
    backward: "items-repeat",
    forward: null,
  },
  {
    change: "demand different items of one at most",
    before: field(Type.Array(note, { maxItems: 1 })),
    after: field(Type.Array(note, { maxItems: 1, uniqueItems: true })),
    backward: null,
    forward: null,
  },
  {
    change: "demand different items where a second one is impossible",
    before: field({ type: "array", prefixItems: [note], items: false }),
    after: field({ type: "array", prefixItems: [note], items: false, uniqueItems: true }),
    backward: null,
    forward: null,
  },
  {
    change: "change the type of an array's items",
    before: field(Type.Array(Type.Number())),
    after: field(Type.Array(Type.Integer())),
    backward: "type-not-accepted",
    forward: null,
  },
  {
    change: "add a position to a tuple",
    before: field(Type.Tuple([note])),
    after: field(Type.Tuple([note, note])),
    backward: "items-count-out-of-range",
    forward: "items-count-out-of-range",
  },
  {
    change: "narrow the values of a record",
    before: field(Type.Record(Type.String(), Type.Number())),
    after: field(Type.Record(Type.String(), Type.Integer())),
    backward: "type-not-accepted",
    forward: null,
  },
  {
    change: "add an alternative to a union",
    before: field(
      Type.Union([closed({ kind: Type.Literal("card") }), closed({ kind: Type.Literal("bank") })]),
    ),
    after: field(
      Type.Union([
        closed({ kind: Type.Literal("card") }),
        closed({ kind: Type.Literal("bank") }),
        closed({ kind: Type.Literal("cash") }),
      ]),
    ),
    backward: null,
    forward: "no-alternative-accepts",
  },
  {
    change: "merge alternatives that differ in one literal",
    before: field(
      Type.Union([closed({ kind: Type.Literal("card") }), closed({ kind: Type.Literal("bank") })]),
    ),
    after: field(closed({ kind: Type.Enum(["card", "bank"]) })),
    backward: null,
    forward: null,
  },
  {
    change: "let alternatives of `oneOf` overlap",
    before: field({
      oneOf: [
        { type: "integer", maximum: 0 },
        { type: "integer", minimum: 1 },
      ],
    }),
    after: field({
      oneOf: [
        { type: "integer", maximum: 1 },
        { type: "integer", minimum: 1 },
      ],
    }),
    backward: "several-alternatives-accept",
    forward: null,
  },
  {
    change: "exclude a value",
    before: field(note),
    after: field({ allOf: [{ type: "string" }, { not: { const: "none" } }] }),
    backward: "excluded-value",
    forward: null,
  },
  {
    change: "split an object into an intersection",
    before: open({ note }),
    after: Type.Intersect([open({}), Type.Object({ note })]),
    backward: null,
    forward: null,
  },
  {
    change: "narrow a member of a recursive schema",
    before: tree(Type.Number()),
    after: tree(Type.Integer()),
    backward: "type-not-accepted",
    forward: null,
  },
];

function tree(value: TSchema): JsonSchema {
  return Type.Cyclic({ Node: Type.Object({ value, below: Type.Array(Type.Ref("Node")) }) }, "Node");
}

/** Changes the checker does not decide, and the rule that says so. */
export const undecidedChanges: readonly (Omit<ChangeKind, "backward" | "forward"> & {
  readonly rule: GapRule;
})[] = [
  {
    change: "a pattern with look-around, a back reference or a word boundary",
    before: field(Type.String({ pattern: "^(?=a)[a-z]*$" })),
    after: field(Type.String({ pattern: "^a[a-z]*$" })),
    rule: "pattern-not-matched",
  },
  {
    change: "a format asked of a text that has a pattern",
    before: field(Type.String({ pattern: "^[0-9]{4}-[0-9]{2}$" })),
    after: field(Type.String({ pattern: "^[0-9]{4}-[0-9]{2}$", format: "month" })),
    rule: "format-not-promised",
  },
  {
    change:
      "`if`, `contains`, `propertyNames`, `dependentRequired`, `unevaluatedProperties` or a refinement on the reader's side",
    before: Type.Object({ value: note }),
    after: { ...Type.Object({ value: note }), propertyNames: { maxLength: 10 } },
    rule: "unread-keyword",
  },
  {
    change: "a fraction as `multipleOf`",
    before: field(Type.Number({ multipleOf: 0.5 })),
    after: field(Type.Number({ multipleOf: 0.25 })),
    rule: "not-a-multiple",
  },
];
