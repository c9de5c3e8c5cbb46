/** Sources that break one rule each, and neighbours that do not. Kept apart so that the test reads as a list of rules. */

export interface Specimen {
  readonly rule: string;
  readonly title: string;
  /** Text by path. */
  readonly files: Readonly<Record<string, string>>;
}

const domain = "systems/alpha/contexts/sales/domain/price.ts";
const contract = "systems/alpha/contexts/sales/contract/sold.ts";
const model = "packages/core/src/model/thing.ts";
const engine = "packages/core/src/contract/compare.ts";
const record = "packages/core/src/journal/append.ts";

export const broken: readonly Specimen[] = [
  one("pure-imports", "the model imports a built-in", model, `import { hash } from "node:crypto";`),
  one("pure-imports", "the model imports a record", model, `import { append } from "../journal/append.ts";`),
  one("pure-imports", "a domain imports a package", domain, `import { Type } from "typebox";`),
  one(
    "pure-imports",
    "a domain imports the whole runtime",
    domain,
    `import type { System } from "@entente/core";`,
  ),
  one("pure-imports", "a domain imports its store", domain, `import { row } from "../store/row.ts";`),
  one("pure-imports", "a domain waits for a module", domain, `const pg = import("pg");`),
  one("contract-engine-pure", "it reads a file", engine, `import { readFileSync } from "node:fs";`),
  one("contract-engine-pure", "it imports a package", engine, `import pg from "pg";`),
  one(
    "contract-engine-pure",
    "it imports a record",
    engine,
    `import { append } from "../journal/append.ts";`,
  ),
  one(
    "contract-imports",
    "a contract imports its domain",
    contract,
    `import { price } from "../domain/price.ts";`,
  ),
  one("contract-imports", "a contract imports a package", contract, `import { z } from "zod";`),
  one(
    "contract-imports",
    "a contract runs the model",
    contract,
    `import { isId } from "@entente/core/model";`,
  ),
  one(
    "context-through-contract",
    "a context imports another's store",
    "systems/alpha/contexts/sales/store/sale.ts",
    `import { stock } from "../../stock/store/stock.ts";`,
  ),
  one(
    "context-through-contract",
    "a flow imports a domain",
    "systems/alpha/flows/order/order.ts",
    `import type { Stock } from "../../contexts/stock/domain/stock.ts";`,
  ),
  one(
    "layers-point-inward",
    "a store imports its edge",
    "systems/alpha/contexts/sales/store/sale.ts",
    `export * from "../edge/routes.ts";`,
  ),
  one(
    "systems-apart",
    "a system imports another",
    "systems/alpha/app/alpha.ts",
    `import { beta } from "../../beta/app/beta.ts";`,
  ),
  one("systems-apart", "by its name", "systems/alpha/app/alpha.ts", `import { beta } from "@entente/beta";`),
  one(
    "packages-know-no-system",
    "the edge imports a system",
    "packages/edge/src/a.ts",
    `import "@entente/alpha";`,
  ),
  one(
    "packages-know-no-system",
    "the command line reaches inside a system",
    "packages/cli/src/up.ts",
    `import { price } from "../../../systems/alpha/contexts/sales/domain/price.ts";`,
  ),
  one("package-order", "the runtime imports the edge", record, `import type { Edge } from "@entente/edge";`),
  one(
    "package-order",
    "a simulator imports the runtime",
    "packages/simulators/src/a.ts",
    `import { startSystem } from "@entente/core";`,
  ),
  one(
    "package-order",
    "a simulator imports the edge",
    "packages/simulators/src/a.ts",
    `import { buildEdge } from "@entente/edge";`,
  ),
  one(
    "package-order",
    "the edge imports a simulator",
    "packages/edge/src/a.ts",
    `import { simulators } from "@entente/simulators";`,
  ),
  one("core-without-server", "the runtime serves HTTP", record, `import { createServer } from "node:http";`),
  one("core-without-server", "the runtime knows Fastify", record, `import fastify from "fastify";`),
  one(
    "treaties-by-their-means",
    "a treaty opens sockets of its own",
    "systems/alpha/treaties/bank/bank.ts",
    `import { request } from "node:https";`,
  ),
  one("doors-only", "a door that is not there", "packages/edge/src/a.ts", `import "@entente/core/secret";`),
  one(
    "doors-only",
    "round the door",
    "packages/edge/src/a.ts",
    `import { a } from "../../core/src/journal/append.ts";`,
  ),
  one(
    "doors-only",
    "a system in the back door",
    "systems/alpha/app/alpha.ts",
    `import "@entente/core/internal";`,
  ),
  one(
    "no-test-code-in-production",
    "the testkit",
    "systems/alpha/app/alpha.ts",
    `import "@entente/testkit";`,
  ),
  one(
    "no-test-code-in-production",
    "the testing door",
    "packages/edge/src/a.ts",
    `import "@entente/core/testing";`,
  ),
  one("no-test-code-in-production", "a fixture", record, `import { rows } from "./rows.fixture.ts";`),
  one(
    "declared-dependencies",
    "a package only somebody else declares",
    record,
    `import { ulid } from "ulid";`,
  ),
  one(
    "declared-dependencies",
    "a workspace it does not declare",
    "packages/core/src/a.ts",
    `import "@entente/edge";`,
  ),
  one("treaty-calls", "a treaty fetches", "systems/alpha/treaties/bank/bank.ts", `await fetch(url);`),
  one(
    "treaty-calls",
    "a treaty fetches by another name",
    "systems/alpha/treaties/bank/bank.ts",
    `await globalThis.fetch(url);`,
  ),
  one("treaty-calls", "a treaty listens", "systems/alpha/treaties/bank/bank.ts", `new WebSocket(url);`),
  one("environment-in-app", "the runtime reads it", record, `const url = process.env.DATABASE_URL;`),
  one("environment-in-app", "by destructuring", record, `import { env } from "node:process";`),
  one("environment-in-app", "by index", record, `const url = process["env"];`),
  one("sql-in-stores", "a query in an app", "systems/alpha/app/a.ts", "run(`select id from stock`);"),
  one(
    "sql-in-stores",
    "over several lines",
    "packages/edge/src/a.ts",
    "run(`\n  insert into t (a)\n  values (1)`);",
  ),
  one(
    "sql-in-stores",
    "an update with a name in it",
    "packages/edge/src/a.ts",
    "run(`update $" + "{table} set a = 1`);",
  ),
  one(
    "sql-in-stores",
    "behind a common table",
    "packages/edge/src/a.ts",
    `run("with x as (select a from b) table x");`,
  ),
  one("sql-in-stores", "a delete in a domain", domain, `const text = "delete from stock where id = 1";`),
  one("pure-calls", "the dice", domain, "export const price = () => Math.random();"),
  one("pure-calls", "the clock", model, "export const now = () => Date.now();"),
  one("pure-calls", "a new date", domain, "export const now = () => new Date();"),
  one("pure-calls", "a new date in a template", domain, "export const now = () => `$" + "{new Date()}`;"),
  one("pure-calls", "a clock in the contract engine", engine, "export const today = () => new Date();"),
  one("pure-calls", "a timer", domain, "setTimeout(() => undefined, 5);"),
  one("pure-calls", "waiting", domain, "export async function price() {}"),
  one("names-that-say", "utils", "packages/core/src/utils.ts", ""),
  one("names-that-say", "a manager", "packages/core/src/journal/lane-manager.ts", ""),
  one("names-that-say", "a folder for everything", "systems/alpha/contexts/sales/domain/common/price.ts", ""),
  one("names-that-say", "a bag of types", "packages/core/src/journal/types.ts", ""),
  one("names-that-say", "camel case", "packages/core/src/journal/readLanes.ts", ""),
  one("long-with-reason", "401 lines", record, "const a = 1;\n".repeat(401)),
  one(
    "long-with-reason",
    "a comment without a reason",
    record,
    `/** Rows. */\n${"const a = 1;\n".repeat(400)}`,
  ),
  {
    rule: "no-file-cycles",
    title: "three files in a circle",
    files: {
      "packages/core/src/journal/a.ts": `import { b } from "./b.ts";`,
      "packages/core/src/journal/b.ts": `export { c } from "./c.ts";`,
      "packages/core/src/journal/c.ts": `import { type A, a } from "./a.ts";`,
    },
  },
  {
    rule: "no-package-cycles",
    title: "two packages, even if only by types",
    files: {
      "packages/core/src/a.ts": `import type { B } from "@entente/edge";`,
      "packages/edge/src/b.ts": `import { a } from "@entente/core";`,
    },
  },
];

export const sound: readonly Specimen[] = [
  one("pure-imports", "a domain with what it may have", domain, [
    `import { isId } from "@entente/core/model";`,
    `import { tax } from "./tax.ts";`,
    `import { sold } from "../contract/sold.ts";`,
    `import { stocked } from "../../stock/contract/stocked.ts";`,
    `// Date.now() and "node:fs" are only mentioned: import "node:fs"`,
    `export const day = (at: number) => new Date(at).getUTCDay() / 7; // a / is no pattern`,
    `export const words = /import "pg"|Math.random()/.test("Date.now()");`,
    'export const text = `import "pg" $' + '{"setTimeout(" + 1} new Date()`;',
  ]),
  one(
    "pure-imports",
    "a domain's test with tools",
    "systems/alpha/contexts/sales/domain/price.unit.test.ts",
    [
      `import { test } from "node:test";`,
      `import { given } from "@entente/testkit";`,
      `test("now", async () => void Date.now());`,
    ],
  ),
  one("contract-engine-pure", "itself, the model and typebox", engine, [
    `import { Compile } from "typebox/schema";`,
    `import type { Json } from "../model/entry.ts";`,
    `import { gap } from "./gap.ts";`,
  ]),
  one("contract-imports", "a contract with what it may have", contract, [
    `import { type Static, Type } from "typebox";`,
    `import type { Entry } from "@entente/core/model";`,
    `import { stocked } from "../../stock/contract/stocked.ts";`,
  ]),
  one("packages-know-no-system", "the command line starts a system", "packages/cli/src/up.ts", [
    `import { alpha } from "@entente/alpha";`,
    `const port = process.env.PORT;`,
  ]),
  one(
    "doors-only",
    "a sibling in the back door",
    "packages/edge/src/a.ts",
    `import "@entente/core/internal";`,
  ),
  one("sql-in-stores", "prose that selects", "packages/edge/src/a.ts", [
    `const text = "Select an account from the list, then update it; entries are deleted from there.";`,
  ]),
  one(
    "sql-in-stores",
    "SQL where it belongs",
    "systems/alpha/contexts/sales/store/a.ts",
    "run(`select id from t`);",
  ),
  one(
    "environment-in-app",
    "an app that reads it",
    "systems/alpha/app/a.ts",
    "const port = process.env.PORT;",
  ),
  one("long-with-reason", "400 lines", record, "const a = 1;\n".repeat(400)),
  one(
    "long-with-reason",
    "401 lines and why",
    record,
    `/** One file because the loop is one thing. */\n${"const a = 1;\n".repeat(400)}`,
  ),
  {
    rule: "no-file-cycles",
    title: "a circle of types",
    files: {
      "packages/core/src/journal/a.ts": `import type { B } from "./b.ts";`,
      "packages/core/src/journal/b.ts": `import { a } from "./a.ts";`,
    },
  },
];

function one(rule: string, title: string, path: string, source: string | readonly string[]): Specimen {
  return { rule, title, files: { [path]: typeof source === "string" ? source : source.join("\n") } };
}
