import { Compile } from "typebox/schema";
import type { Json } from "../model/entry.ts";
import { gapsBetween } from "./containment.ts";
import type { Gap, GapRule } from "./gap.ts";
import { type JsonSchema, openRoot } from "./json-schema.ts";
import { TooLarge } from "./normal-form.ts";
import { samplesOf } from "./sample.ts";
import { malformedIn } from "./well-formed.ts";

/** One reason why a reader refuses, or may refuse, what a writer writes. */
export interface SchemaFinding {
  readonly rule: GapRule;
  /** JSON Pointer of the place in the document; `*` stands for any further member. */
  readonly at: string;
  readonly says: string;
  /** Valid for the writer and refused by the reader, as an independent validator says; absent: we found none. */
  readonly counterExample?: Json;
}

/**
 * `compatible`: proved. `breaks`: at least one finding has a counter-example. `undecided`: neither, and the findings say
 * what the proof missed.
 */
export interface SchemaVerdict {
  readonly verdict: "compatible" | "breaks" | "undecided";
  readonly findings: readonly SchemaFinding[];
}

/** Steps of a proof; contracts take hundreds. */
const proofEffort = 200_000;

/**
 * Decides whether a reader accepts every document a writer may write. Draft 2020-12 as TypeBox emits it; a keyword beyond
 * that makes the answer `undecided` where it matters.
 * Guarantees: never `compatible` without a proof, never `breaks` without a counter-example that TypeBox's compiled
 * validator confirms on both sides. Pure; the same schemas get the same answer.
 */
export function compareSchemas(writer: JsonSchema, reader: JsonSchema): SchemaVerdict {
  const malformed = malformedIn(writer) ?? malformedIn(reader);
  if (malformed !== null) {
    return {
      verdict: "undecided",
      findings: [{ rule: "malformed-schema", at: "", says: `not a JSON Schema: ${malformed}` }],
    };
  }
  const writes = { schema: writer, root: openRoot(writer) };
  const gaps = proof(() =>
    gapsBetween(writes, { schema: reader, root: openRoot(reader) }, { left: proofEffort }),
  );
  if (gaps.length === 0) return { verdict: "compatible", findings: [] };
  const shows = judge(writer, reader);
  const guesses = samplesOf({ terms: [writes] }, { left: proofEffort });
  const findings = distinct(gaps.map((gap) => findingOf(gap, shows)));
  // Where the proof names no document, one of the writer's plain documents may still do.
  const shown = findings.some(isShown);
  const guess = shown ? undefined : guesses.find(shows);
  const [first] = findings;
  if (guess !== undefined && first !== undefined) {
    return { verdict: "breaks", findings: [{ ...first, counterExample: guess }, ...findings.slice(1)] };
  }
  return { verdict: shown ? "breaks" : "undecided", findings };
}

function proof(prove: () => Gap[]): Gap[] {
  try {
    return prove();
  } catch (error) {
    if (!(error instanceof TooLarge)) throw error;
    return [
      {
        path: [],
        rule: "too-large",
        says: "the schemas are too large or too deep for the checker",
        witnesses: [],
      },
    ];
  }
}

function findingOf(gap: Gap, shows: (document: Json) => boolean): SchemaFinding {
  const counterExample = gap.witnesses.find(shows);
  return {
    rule: gap.rule,
    at: gap.path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join(""),
    says: gap.says,
    ...(counterExample === undefined ? {} : { counterExample }),
  };
}

/** True for documents that the writer may write and the reader refuses. Judged by code that shares nothing with the proof. */
function judge(writer: JsonSchema, reader: JsonSchema): (document: Json) => boolean {
  const writes = validator(writer);
  const reads = validator(reader);
  return (document) => writes(document) === true && reads(document) === false;
}

/** Null: the validator cannot make sense of the schema, so that it is no judge. */
export function validator(schema: JsonSchema): (document: Json) => boolean | null {
  try {
    const compiled = Compile(schema);
    return (document) => compiled.Check(document);
  } catch {
    return () => null;
  }
}

/** Several atoms of a writer may fail in the same way; the one with a counter-example speaks for them. */
function distinct(findings: readonly SchemaFinding[]): SchemaFinding[] {
  const found = new Map<string, SchemaFinding>();
  for (const finding of findings) {
    const key = JSON.stringify([finding.rule, finding.at]);
    const before = found.get(key);
    if (before === undefined || (!isShown(before) && isShown(finding))) {
      found.set(key, finding);
    }
  }
  return [...found.values()].sort((a, b) => Number(isShown(b)) - Number(isShown(a)));
}

function isShown(finding: SchemaFinding): boolean {
  return finding.counterExample !== undefined;
}
