import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Json } from "../model/entry.ts";
import { validator } from "./compare-schemas.ts";
import { type JsonSchema, keywordsOf } from "./json-schema.ts";
import { chooser, makeDocument, makeDocumentSchema, tapes } from "./schema-pairs.fixture.ts";
import { writerView } from "./writer-view.ts";

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
const numRuns = Number(process.env.TEST_RUNS ?? 2_000);
console.log(`# TEST_SEED=${seed} TEST_RUNS=${numRuns}`);

/** Every schema that speaks of the same value, followed through compositions and references. */
function speakers(schemas: readonly JsonSchema[], root: JsonSchema): object[] {
  const found = new Set<object>();
  const follow = (schema: JsonSchema): void => {
    if (typeof schema === "boolean" || found.has(schema)) return;
    found.add(schema);
    const { $ref, $defs } = { ...keywordsOf(schema), ...keywordsOf({ $defs: keywordsOf(root).$defs }) };
    if ($ref !== undefined) follow(($defs as Record<string, JsonSchema>).Node as JsonSchema);
    for (const name of ["allOf", "anyOf", "oneOf"]) {
      for (const part of (keywordsOf(schema)[name] as JsonSchema[]) ?? []) follow(part);
    }
  };
  for (const schema of schemas) follow(schema);
  return [...found];
}

/** Has the document only members that some schema at their place names, or that it leaves open on purpose? */
function isNamed(document: Json, schemas: readonly JsonSchema[], root: JsonSchema): boolean {
  const all = speakers(schemas, root).map(keywordsOf);
  if (Array.isArray(document)) {
    return document.every((item: Json, index) => {
      const items = all.flatMap(({ prefixItems, items: rest }) => {
        const one = (prefixItems as JsonSchema[] | undefined)?.[index] ?? rest;
        return one === undefined ? [] : [one as JsonSchema];
      });
      return isNamed(item, items, root);
    });
  }
  if (typeof document !== "object" || document === null) return true;
  const closes = all.some((words) => words.properties !== undefined || words.required !== undefined);
  return Object.entries(document).every(([name, member]) => {
    let named = !closes;
    const about: JsonSchema[] = [];
    for (const { properties = {}, required = [], patternProperties = {}, additionalProperties } of all) {
      const own = (properties as Record<string, JsonSchema>)[name];
      if (own !== undefined) about.push(own);
      const matching = Object.entries(patternProperties as object).filter(([pattern]) =>
        new RegExp(pattern, "u").test(name),
      );
      about.push(...matching.map(([, schema]) => schema as JsonSchema));
      const further = own === undefined && matching.length === 0 && additionalProperties !== undefined;
      if (further) about.push(additionalProperties as JsonSchema);
      const open = further && additionalProperties !== false;
      if (own !== undefined || (required as string[]).includes(name) || matching.length > 0 || open)
        named = true;
    }
    return named && isNamed(member, about, root);
  });
}

test("whatever the schema, its writer's view has every document that consists of named members", () => {
  let documents = 0;
  let closed = 0;
  fc.assert(
    fc.property(tapes, tapes, (tape, further) => {
      const schema = makeDocumentSchema(chooser(tape));
      const view = writerView(schema);
      if (JSON.stringify(view) !== JSON.stringify(schema)) closed++;
      const [allows, writes] = [validator(schema), validator(view)];
      const choose = chooser(further);
      for (let n = 0; n < 8; n++) {
        const document = makeDocument(schema, choose);
        if (allows(document) !== true || !isNamed(document, [schema], schema)) continue;
        documents++;
        const shown = `${JSON.stringify(schema)} as ${JSON.stringify(view)} : ${JSON.stringify(document)}`;
        assert.equal(writes(document), true, shown);
      }
    }),
    { seed, numRuns },
  );
  console.log(`# ${documents} documents, ${closed} schemas narrowed`);
  assert.ok(documents > numRuns && closed > numRuns / 10);
});
