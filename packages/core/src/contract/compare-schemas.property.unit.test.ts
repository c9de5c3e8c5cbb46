import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Json } from "../model/entry.ts";
import { compareSchemas, validator } from "./compare-schemas.ts";
import { evaluate } from "./evaluate.ts";
import { type JsonSchema, openRoot } from "./json-schema.ts";
import {
  type Choose,
  changed,
  chooser,
  makeDocument,
  makeDocumentSchema,
  tapes,
} from "./schema-pairs.fixture.ts";

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
const numRuns = Number(process.env.TEST_RUNS ?? 2_500);
console.log(`# TEST_SEED=${seed} TEST_RUNS=${numRuns}`);

function check(property: (choose: Choose, documents: Choose) => void, runs = numRuns): void {
  fc.assert(
    fc.property(tapes, tapes, (tape, further) => property(chooser(tape), endless(further))),
    { seed, numRuns: runs },
  );
}

/** A tape that begins again, shifted, so that many documents differ. */
function endless(tape: readonly number[]): Choose {
  let at = 0;
  return (choices) => {
    const round = Math.floor(at / Math.max(1, tape.length));
    const value = tape[at % Math.max(1, tape.length)] ?? 0;
    at++;
    return (value + round * 7 + ((round * at) % 5)) % choices;
  };
}

const documentsPerPair = 40;
const told = { compatible: 0, breaks: 0, undecided: 0 };

describe("whatever the pair of schemas,", () => {
  test("a compatible verdict is contradicted by no document, and a counter-example is one", () => {
    check((choose, documents) => {
      const writer = makeDocumentSchema(choose);
      let reader = choose(12) === 11 ? makeDocumentSchema(choose) : writer;
      for (let changes = 1 + choose(2); changes > 0; changes--) reader = changed(reader, choose);
      const pairs: [JsonSchema, JsonSchema][] = [
        [writer, reader],
        [reader, writer],
      ];
      for (const [writes, reads] of pairs) {
        const accepts = validator(reads);
        const allows = validator(writes);
        const { verdict, findings } = compareSchemas(writes, reads);
        told[verdict]++;
        if (verdict === "compatible") {
          for (let n = 0; n < documentsPerPair; n++) {
            const document = makeDocument(n % 3 === 2 ? reads : writes, documents);
            if (allows(document) !== true) continue;
            assert.notEqual(
              accepts(document),
              false,
              `${shown(writes)} -> ${shown(reads)} : ${shown(document)}`,
            );
          }
        }
        assert.equal(
          verdict === "breaks",
          findings.some(({ counterExample }) => counterExample !== undefined),
        );
        assert.equal(verdict === "compatible", findings.length === 0);
        for (const { counterExample } of findings) {
          if (counterExample === undefined) continue;
          const copy = JSON.parse(JSON.stringify(counterExample)) as Json;
          assert.equal(allows(copy), true, `${shown(writes)} : ${shown(copy)}`);
          assert.equal(accepts(copy), false, `${shown(writes)} -> ${shown(reads)} : ${shown(copy)}`);
        }
      }
    });
    console.log(`# ${JSON.stringify(told)}`);
    // The property would hold as well for a checker that never decides.
    const decided = told.compatible + told.breaks;
    assert.ok(
      told.compatible > 0.1 * decided && told.breaks > 0.1 * decided && told.undecided < 0.1 * decided,
    );
  });

  test("a schema is compatible with itself", () => {
    check((choose) => {
      const schema = makeDocumentSchema(choose);
      assert.equal(compareSchemas(schema, structuredClone(schema)).verdict, "compatible");
    }, 500);
  });

  test("two comparisons give the same answer", () => {
    check((choose) => {
      const writer = makeDocumentSchema(choose);
      const reader = changed(writer, choose);
      assert.deepEqual(compareSchemas(writer, reader), compareSchemas(writer, reader));
    }, 500);
  });

  test("our own reading of a schema never contradicts the validator's", () => {
    check((choose, documents) => {
      const schema = makeDocumentSchema(choose);
      const allows = validator(schema);
      for (let n = 0; n < 10; n++) {
        const document = makeDocument(schema, documents);
        const ours = evaluate(document, { schema, root: openRoot(schema) });
        if (ours !== null) assert.equal(ours, allows(document), `${shown(schema)} : ${shown(document)}`);
      }
    });
  });
});

function shown(value: unknown): string {
  return JSON.stringify(value);
}
