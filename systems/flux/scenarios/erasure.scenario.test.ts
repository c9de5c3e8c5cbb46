/** Personal data of a customer through the real system, then erased: canaries are looked for wherever bytes are kept. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { openDatabase } from "@entente/core/internal";
import { eventually, type ServerProcess } from "@entente/testkit";
import { type Caller, caller } from "./client.fixture.ts";
import { type FluxUnderTest, startFluxUnderTest } from "./flux-under-test.fixture.ts";
import { type SalesforceUnderTest, startSalesforceUnderTest } from "./salesforce.fixture.ts";
import { startTelemetryBodies, type TelemetryBodies } from "./telemetry-bodies.fixture.ts";

const entente = fileURLToPath(new URL("../../../packages/cli/src/main.ts", import.meta.url));
/** Nothing else in the world has these bytes. */
const canary = {
  subject: `subj${randomBytes(12).toString("hex")}`,
  description: `desc${randomBytes(12).toString("hex")}`,
};
const canaries = Object.values(canary);

describe("personal data, and its erasure", () => {
  let salesforce: SalesforceUnderTest;
  let telemetry: TelemetryBodies;
  let flux: FluxUnderTest;
  let programs: ServerProcess[];
  let customer: Caller;
  let operator: Caller;
  let auditor: Caller;

  before(async () => {
    salesforce = await startSalesforceUnderTest();
    telemetry = await startTelemetryBodies();
    flux = await startFluxUnderTest({
      ...salesforce.environment,
      OTEL_EXPORTER_OTLP_ENDPOINT: telemetry.url,
      OTEL_BLRP_SCHEDULE_DELAY: "100",
      OTEL_METRIC_EXPORT_INTERVAL: "500",
      ENTENTE_AUDIT: "on",
      ENTENTE_LOG_LEVEL: "debug",
    });
    programs = [await flux.startEdge(), await flux.startWorker({}, "subscription,entitlement,audit")];
    customer = await caller(flux, { role: "customer", accounts: ["acct-0001", "acct-0002"] });
    operator = await caller(flux, { role: "operator", sub: "olga" });
    auditor = await caller(flux, { role: "auditor" });
  });
  after(async () => {
    await flux.stop();
    await salesforce.stop();
    await telemetry.close();
  });

  const ask = (accountId: string, key: string, body: object = canary) =>
    customer.post("/support-cases", { accountId, ...canary, ...body }, { "idempotency-key": key });
  const casesOf = (processId: string) =>
    salesforce.find(`SELECT Subject, Description FROM Case WHERE Entente_Key__c = '${processId}'`);

  function run(
    ...args: string[]
  ): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
    const env = { ...process.env, ENTENTE_URL: flux.url, ENTENTE_TOKEN: operator.token };
    return new Promise((resolve) => {
      execFile(process.execPath, [entente, ...args], { env }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });
  }

  /** Every row of every table of every database of the system, as text. */
  async function everyRow(): Promise<{ readonly place: string; readonly text: string }[]> {
    const found: { place: string; text: string }[] = [];
    const open = (database: string) => {
      const url = new URL(flux.postgres.url);
      url.pathname = `/${database}`;
      return openDatabase({ url: url.href, applicationName: "canary", connections: 1 });
    };
    const server = open("postgres");
    const names = await server.execute<{ datname: string }>(
      "select datname from pg_database where datname like 'flux\\_%'",
    );
    await server.execute("checkpoint");
    await server.close();
    assert.ok(names.length >= 5);
    for (const { datname } of names) {
      const database = open(datname);
      const tables = await database.execute<{ name: string }>(
        `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`,
      );
      for (const { name } of tables) {
        // Bytes as the text they may be, beside the row as it is printed.
        const rows = await database.execute<{ text: string }>(`select t::text as text from ${name} t`);
        for (const { text } of rows) {
          found.push({ place: `${datname} ${name}`, text });
          for (const [, hex = ""] of text.matchAll(/\\\\x([0-9a-f]{16,})/g))
            found.push({
              place: `${datname} ${name}, bytes`,
              text: Buffer.from(hex, "hex").toString("latin1"),
            });
        }
      }
      await database.close();
    }
    return found;
  }

  async function everyFile(folder: string): Promise<string[]> {
    const all = await readdir(folder, { recursive: true, withFileTypes: true });
    return all.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
  }

  /** `exported`: the latest process; what telemetry says of it has arrived when the search begins. */
  async function lookEverywhere(exported: string): Promise<string[]> {
    const places: string[] = [];
    const look = (place: string, text: string | Buffer): void => {
      if (canaries.some((one) => text.includes(one))) places.push(place);
    };
    const rows = await everyRow();
    assert.ok(
      rows.some(({ text }) => text.includes("sealed:1:")),
      "the search reads what is sealed",
    );
    const logged = rows.filter(({ place }) => place === "flux_audit entente.audit_sheet, bytes");
    assert.ok(
      logged.some(({ text }) => text.includes("sealed:1:")),
      "and in the log's bytes",
    );
    for (const { place, text } of rows) look(place, text);
    // Tables, indexes, write-ahead log and the server's own log.
    const files = await everyFile(flux.home);
    assert.ok(files.some((file) => file.includes("pg_wal")));
    let sealedFiles = 0;
    for (const file of files) {
      const bytes = await readFile(file);
      if (bytes.includes("sealed:1:")) sealedFiles++;
      look(file, bytes);
    }
    assert.ok(sealedFiles > 1, "the search reads the files of databases");
    for (const program of programs) look("log", program.output().join("\n"));
    for (const signal of ["traces", "logs", "metrics"] as const) {
      await eventually(async () =>
        assert.ok(
          telemetry.of(signal).some((body) => body.includes(exported)),
          `${signal} tell of ${exported}`,
        ),
      );
      for (const body of telemetry.of(signal)) look(`telemetry, ${signal}`, body);
    }
    return places;
  }

  test("what a customer writes reaches the authority in the open, and is kept nowhere of ours", async () => {
    const { status, body } = await ask("acct-0001", "first");
    assert.equal(status, 202);
    const processId = String(body.processId);
    await customer.until(processId, "confirmed");
    assert.deepEqual(
      (await casesOf(processId)).map(({ Subject, Description }) => ({
        subject: Subject,
        description: Description,
      })),
      [canary],
    );
    assert.deepEqual(await lookEverywhere(processId), []);
    for (const path of [
      `/processes/${processId}`,
      `/ops/processes/${processId}/timeline`,
      `/audit/demo/bundle?process=${processId}`,
    ]) {
      const answer = await eventually(() => (path.startsWith("/audit") ? auditor : operator).get(path));
      const text = JSON.stringify(answer.body);
      assert.ok(!canaries.some((one) => text.includes(one)), path);
    }
  });

  test("the same request again is the same, another one under its key is refused, although neither is kept in the open", async () => {
    const again = await ask("acct-0001", "first");
    assert.deepEqual([again.status, again.headers.get("idempotency-replayed")], [202, "true"]);
    assert.equal((await ask("acct-0001", "first", { description: "another" })).status, 422);
  });

  test("erased while it waits to be sent: nothing is sent, a person has the case, and nobody can read it any more", async () => {
    salesforce.cut();
    const waiting = String((await ask("acct-0001", "second")).body.processId);
    const neighbour = String((await ask("acct-0002", "third")).body.processId);
    for (const one of [waiting, neighbour]) await customer.until(one, "processing");
    const { code, stdout, stderr } = await run(
      "erase",
      "demo",
      "acct-0001",
      "--reason",
      "asked for by letter 7",
    );
    assert.equal(code, 0, stderr);
    assert.match(stdout, /can be read by nobody/);
    await salesforce.mend();
    await operator.post("/dev/clock", { advance: "PT20M" });
    await customer.until(neighbour, "confirmed");
    const found = await eventually(async () => {
      const { body } = await operator.get("/ops/cases");
      const cases = body.cases as readonly Record<string, unknown>[];
      const one = cases.find((each) => JSON.stringify(each).includes("personal-data-erased"));
      assert.ok(one, JSON.stringify(body));
      return one;
    });
    assert.equal(found.treaty, "salesforce-case");
    assert.deepEqual(await casesOf(waiting), []);
    assert.equal((await casesOf(neighbour)).length, 1);
    assert.equal((await ask("acct-0001", "fourth")).body.code, "subject-erased");
    assert.deepEqual(await lookEverywhere(neighbour), []);
    const keys = (await everyRow())
      .filter(({ place }) => place === "flux_keys entente.subject_key")
      .map(({ text }) => text);
    assert.equal(keys.length, 2);
    assert.equal(keys.filter((text) => text.includes("\\x")).length, 1, "the neighbour's key alone is left");
    const again = await run("erase", "demo", "acct-0001", "--reason", "again");
    assert.match(again.stdout, /no key/);
    assert.equal((await run("erase", "other", "acct-0002", "--reason", "x")).code, 1);
    assert.equal((await customer.post("/ops/erasures", { subject: "acct-0002", why: "x" })).status, 403);
  });

  test("the log proves what was erased, and who had it erased and why", async () => {
    const account = await eventually(async () => {
      const answer = await auditor.get("/audit/demo/bundle?account=acct-0001");
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      const files = answer.body.files as Readonly<Record<string, string>>;
      assert.match(String(files["entries.jsonl"]), /asked for by letter 7/);
      return files;
    });
    assert.match(String(account["entries.jsonl"]), /sealed:1:/);
    const env = { ...process.env, ENTENTE_URL: flux.url, ENTENTE_TOKEN: auditor.token };
    const replayed = await new Promise<{ error: unknown; stdout: string; stderr: string }>((resolve) => {
      execFile(
        process.execPath,
        [entente, "audit", "replay", "acct-0001"],
        { env },
        (error, stdout, stderr) => resolve({ error, stdout, stderr }),
      );
    });
    assert.equal(replayed.error, null, replayed.stderr);
    assert.match(replayed.stderr, /^Verified: /m);
  });
});
