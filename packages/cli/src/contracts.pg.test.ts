import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  appendEntries,
  type ContractFinding,
  type ContractSnapshot,
  ensurePartitions,
  newId,
  openDatabase,
  provisionContext,
  startEmbeddedPostgres,
} from "@entente/core/internal";
import { flux, fluxContract, fluxSnapshot } from "@entente/flux";

const main = fileURLToPath(new URL("main.ts", import.meta.url));
const home = await mkdtemp(join(tmpdir(), "entente-contracts-"));
// As root the server runs as another user, who must be able to enter.
await chmod(home, 0o711);
after(() => rm(home, { recursive: true, force: true }));

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The command line as an operator has it: another process, an exit code, text. */
function entente(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Run> {
  const env = { ...process.env, ENTENTE_DATABASE_URL: "", ENTENTE_HOME: join(home, "none"), ...environment };
  return new Promise((resolve) => {
    execFile(process.execPath, [main, "contracts", ...args], { env }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

let files = 0;

/** A promise of yesterday: the committed one with a change. */
async function promise(change: (snapshot: DeepMutable) => void): Promise<string> {
  const snapshot = JSON.parse(await readFile(fluxSnapshot, "utf8")) as DeepMutable;
  change(snapshot);
  const file = join(home, `promise-${++files}.json`);
  await writeFile(file, JSON.stringify(snapshot));
  return file;
}

// biome-ignore lint/suspicious/noExplicitAny: a JSON file that tests damage at will.
type DeepMutable = any;

/** The committed schema of a type, to be changed. */
function schemaOf(snapshot: DeepMutable, type: string): DeepMutable {
  const message = snapshot.messages[type];
  return message.versions[message.schemaVersion];
}

describe("entente contracts check", () => {
  test("says of an unchanged contract that it is as promised", async () => {
    const { code, out } = await entente(["check"]);
    assert.equal(out.trim(), "flux: the contract is as it was promised.");
    assert.equal(code, 0);
  });

  test("fails on a narrowed command, with a document that an older sender may send", async () => {
    const file = await promise((snapshot) => {
      schemaOf(snapshot, "flux.top-up").properties.units.maximum = 20_000;
    });
    const { code, out } = await entente(["check", "flux", "--snapshot", file]);
    assert.equal(code, 1);
    assert.match(
      out,
      /breaking\s+flux\.top-up \/units: number-out-of-range \(1\.0\.0, old writer, new reader\)/,
    );
    assert.match(out, /for example \{.*"units":\d{5,}/);
    assert.match(out, /2 breaking, 0 undecided/);
  });

  test("fails on a member taken from a fact, and says so to programs", async () => {
    const file = await promise((snapshot) => {
      const schema = schemaOf(snapshot, "flux.condenser-registered");
      schema.properties.colour = { type: "string" };
      schema.required.push("colour");
    });
    const { code, out } = await entente(["check", "--json", "--snapshot", file]);
    assert.equal(code, 1);
    const [report] = JSON.parse(out) as [{ system: string; ok: boolean; findings: ContractFinding[] }];
    assert.equal(report.system, "flux");
    assert.equal(report.ok, false);
    const [missing] = report.findings.filter(({ rule }) => rule === "member-missing");
    assert.equal(missing?.at, "/colour");
    assert.equal(missing?.direction, "new writer, old reader");
    assert.equal(Object.hasOwn(missing?.counterExample as object, "colour"), false);
  });

  test("passes a compatible change and tells it", async () => {
    const file = await promise((snapshot) => {
      const message = snapshot.messages["flux.top-up"];
      message.versions = { "0.9.0": { ...message.versions["1.0.0"] } };
      message.versions["0.9.0"].properties = { ...message.versions["0.9.0"].properties, units: { const: 5 } };
      message.schemaVersion = "0.9.0";
    });
    const { code, out } = await entente(["check", "--snapshot", file]);
    assert.match(out, /compatible flux\.top-up: schema-changed/);
    assert.match(out, /Nobody is broken/);
    assert.equal(code, 0);
  });

  test("refuses what it cannot read: a system, a file", async () => {
    for (const [args, code] of [
      [["check", "nowhere"], "system-unknown"],
      [["check", "--snapshot", join(home, "absent.json")], "contract-snapshot-missing"],
      [["check", "--snapshot", main], "contract-snapshot-unreadable"],
      [["check", "--in-flight"], "database-url-missing"],
    ] as const) {
      const run = await entente(args);
      assert.equal(run.code, 1);
      assert.match(run.err, new RegExp(`code: ${code} `));
    }
  });
});

describe("entente contracts accept", () => {
  const broken = () =>
    promise((snapshot) => {
      snapshot.messages["flux.gone"] = snapshot.messages["flux.top-up"];
    });

  test("writes nothing when somebody would be broken and no reason is given", async () => {
    const file = await broken();
    const before = await readFile(file, "utf8");
    const { code, err } = await entente(["accept", "--snapshot", file]);
    assert.equal(code, 1);
    assert.match(err, /code: contract-breaking /);
    assert.equal(await readFile(file, "utf8"), before);
  });

  test("records the reason and the day, and the next check passes", async () => {
    const file = await broken();
    assert.equal((await entente(["accept", "--snapshot", file, "--breaking", "no sender is left"])).code, 0);
    const { broken: breaks } = JSON.parse(await readFile(file, "utf8")) as ContractSnapshot;
    assert.equal(breaks.length, 1);
    assert.equal(breaks[0]?.reason, "no sender is left");
    assert.match(breaks[0]?.date ?? "", /^\d{4}-\d{2}-\d{2}$/);
    assert.deepEqual(breaks[0]?.changes, ["flux.gone: message-removed"]);
    assert.equal((await entente(["check", "--snapshot", file])).code, 0);
  });

  test("makes a first snapshot, the same as the committed one", async () => {
    const file = join(home, "first.json");
    assert.equal((await entente(["accept", "--snapshot", file])).code, 0);
    assert.equal(await readFile(file, "utf8"), await readFile(fluxSnapshot, "utf8"));
  });
});

test("entente contracts check --in-flight finds a version in a journal that nobody understands any more", async () => {
  const server = await startEmbeddedPostgres({ home });
  let stopped = false;
  const stop = async () => {
    if (!stopped) await server.stop();
    stopped = true;
  };
  try {
    const now = Date.now();
    const append = async (schemaVersion: string) => {
      const { app } = await provisionContext({ system: "flux", context: "gateway", adminUrl: server.url });
      const database = openDatabase({ url: app, applicationName: "test" });
      await ensurePartitions(database, now);
      const id = newId(now);
      const topUp = fluxContract.contexts[0]?.messages[0];
      await appendEntries(database, [
        {
          id,
          kind: "command",
          type: topUp?.type as string,
          schemaVersion,
          source: "gateway",
          target: "subscription",
          tenantId: "demo",
          key: "acct-0001",
          keyVersion: null,
          processId: id,
          correlationId: id,
          causationId: null,
          customerId: null,
          ttlMs: null,
          traceparent: null,
          occurredAt: now,
          data: topUp?.example as { readonly [name: string]: string },
        },
      ]);
      await database.close();
    };
    for (const { name, migrations } of flux.contexts) {
      const own = migrations === undefined ? {} : { migrations };
      await provisionContext({ system: "flux", context: name, adminUrl: server.url, ...own });
    }
    await append("1.0.0");
    const given = { ENTENTE_DATABASE_URL: server.url };
    const charge = async (n: number, version: string | null) => {
      const context = "subscription";
      const { app } = await provisionContext({ system: "flux", context, adminUrl: server.url });
      const database = openDatabase({ url: app, applicationName: "test" });
      const id = newId(now);
      await database.execute(
        `insert into entente.hand_off (tenant_id, hand_off_id, treaty, treaty_version, target, purpose, aggregate_type,
           aggregate_id, key, process_id, correlation_id, state, attempt, tries, in_doubt, effect_known, withdrawn, released,
           version, idempotency_key, request_hash, created_at, updated_at)
         values ('demo', $1::uuid, 'payments-charge', $2, 'payments', 'charge', 'top-up', $1::text, 'acct-0001', $1::uuid, $1::text, 'accepted',
           1, 1, false, false, false, false, 2, $1::text, decode(repeat('00', 16), 'hex'),
           to_timestamp($3::float8 / 1000), to_timestamp($3::float8 / 1000))`,
        [id, version, Date.UTC(2026, 10, n)],
      );
      await database.close();
    };
    assert.equal((await entente(["check", "--in-flight"], given)).code, 0);
    await append("0.1.0");
    const { code, out } = await entente(["check", "--in-flight"], given);
    assert.equal(code, 1);
    assert.match(out, /breaking\s+flux\.top-up: version-not-kept \(0\.1\.0\)/);
    assert.match(out, /1 in the journal of gateway, 1 of them not consumed yet/);
    // Charges that were begun with the terms of then, while today's wait less: named with how many and the oldest.
    await charge(2, "1.1.0");
    await charge(1, "1.1.0");
    await charge(3, null);
    const longer = await promise((snapshot) => {
      snapshot.treaties["payments-charge"].timeLimits.answerWithinMs += 1;
    });
    const begun = await entente(["check", "--in-flight", "--snapshot", longer], given);
    assert.equal(begun.code, 1, begun.err);
    assert.match(begun.out, /breaking\s+treaty payments-charge: timeout-tightened \(1\.1\.0\)/);
    assert.match(
      begun.out,
      /2 hand-offs of subscription opened with 1\.1\.0 are not at their end, the oldest since 2026-11-01T00:00:00\.000Z/,
    );
    assert.match(begun.out, /undecided\s+treaty payments-charge: treaty-version-unknown/);
    // The same without a database URL: the home's own server is started for it.
    await stop();
    const own = await entente(["check", "--in-flight", "--json"], { ENTENTE_HOME: home });
    assert.equal(own.code, 1, own.err);
    const [report] = JSON.parse(own.out) as [{ findings: ContractFinding[] }];
    assert.deepEqual(
      report.findings.map(({ rule, version }) => [rule, version]),
      [
        ["version-not-kept", "0.1.0"],
        ["treaty-version-unknown", undefined],
      ],
    );
  } finally {
    await stop();
  }
});
