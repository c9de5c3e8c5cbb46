/**
 * An archive of Flux's evidence, frozen in November 2026, is verified and replayed by every test run. When a test here fails, rules that
 * archives are replayed by were changed: give the changed rules a name or version of their own, and leave these as they were.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { ReplayRules } from "@entente/core";
import { noteVerifier, replayBundle } from "@entente/core/internal";
import { fluxReplay } from "../app/flux.ts";

const archive = fileURLToPath(new URL("../evidence/account-2026-11/", import.meta.url));
const bundle = join(archive, "bundle");
const frozen = JSON.parse(await readFile(join(archive, "digests.json"), "utf8")) as {
  readonly key: string;
  readonly digests: Readonly<Record<string, string>>;
};
const verifier = noteVerifier(frozen.key);
assert.ok(verifier);
const trust = { verifier };
const folder = await mkdtemp(join(tmpdir(), "flux-archive-"));
after(() => rm(folder, { recursive: true, force: true }));

const [account] = fluxReplay.reducers;
assert.ok(account);

/** The rules with one step of the account's changed. */
function withDebit(change: (after: { account: { cycle: object } }) => object): ReplayRules {
  const debited = account?.steps["flux.balance-debited"]?.[1];
  assert.ok(account && debited);
  const evolve: typeof debited.evolve = (state, fact) => change(debited.evolve(state, fact) as never);
  const steps = { ...account.steps, "flux.balance-debited": { 1: { ...debited, evolve } } };
  return { ...fluxReplay, reducers: [{ ...account, steps }] };
}

test("the frozen archive verifies, and its replay comes to the outcomes stored and the digests pinned then", async () => {
  const { bundle: verified, outcomes, rebuilt, findings } = await replayBundle(bundle, trust, fluxReplay);
  assert.deepEqual([verified.findings, findings, outcomes], [[], [], "compared"]);
  assert.ok(rebuilt.length >= 7 && rebuilt.every(({ agrees }) => agrees === true));
  assert.deepEqual(
    Object.fromEntries(rebuilt.map(({ what, id, digest }) => [`${what} ${id}`, digest])),
    frozen.digests,
  );
});

test("replay needs neither clock nor network", () => {
  const script = fileURLToPath(new URL("replay-alone.fixture.ts", import.meta.url));
  const { NODE_COMPILE_CACHE: _, NODE_OPTIONS: __, ...env } = process.env;
  const argv = ["--permission", "--allow-fs-read=*", script, bundle, frozen.key];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8", env });
  assert.equal(status, 0, stderr);
  const { network, ...said } = JSON.parse(stdout) as Record<string, unknown>;
  assert.equal(network, "ERR_ACCESS_DENIED");
  assert.deepEqual(said, { digests: frozen.digests, findings: [], outcomes: "compared", bundle: [] });
});

test("a changed reducer is found out by the archive, at the entry from which on states part", async () => {
  // Forgets the units a debit used: the next debit does not follow from it.
  const changed = withDebit((after) => {
    return { ...after, account: { ...after.account, cycle: { ...after.account.cycle, usedUnits: 0 } } };
  });
  const { findings, rebuilt } = await replayBundle(bundle, trust, changed);
  const [found] = findings;
  assert.equal(found?.what, "fact-disagrees");
  assert.match(found.says, /usedUnits 120, and what came before comes to 50/);
  assert.equal(rebuilt.find(({ what }) => what === "balance")?.agrees, false);
  const place = JSON.parse(
    (await readFile(join(bundle, "entries.jsonl"), "utf8"))
      .split("\n")
      .find((line) => line.startsWith(`{"index":${found.index},`)) ?? "{}",
  ) as { payload?: string };
  assert.match(String(place.payload), /"usedUnits":120/);
});

test("a reducer changed in what no outcome shows is found out by the digests", async () => {
  const changed = withDebit((after) => ({ ...after, account: { ...after.account, timeZone: "UTC" } }));
  const { rebuilt } = await replayBundle(bundle, trust, changed);
  const balance = rebuilt.find(({ what }) => what === "balance");
  assert.equal(balance?.agrees, true);
  assert.notEqual(balance.digest, frozen.digests[`balance ${balance.id}`]);
});

test("evidence of a version that no reducer is kept for is not guessed at", async () => {
  const { [`flux.balance-debited`]: _, ...steps } = account.steps;
  const without = await replayBundle(bundle, trust, { ...fluxReplay, reducers: [{ ...account, steps }] });
  assert.deepEqual(
    without.findings.map(({ what }) => what),
    ["reducer-missing"],
  );
  const { "charged-top-up": __, ...processes } = fluxReplay.processes;
  const unnamed = await replayBundle(bundle, trust, { ...fluxReplay, processes });
  assert.ok(unnamed.findings.length > 0 && unnamed.findings.every(({ what }) => what === "reducer-missing"));
});

test("nothing is rebuilt from an archive that was changed", async () => {
  const copy = join(folder, "changed");
  await cp(bundle, copy, { recursive: true });
  const file = join(copy, "entries.jsonl");
  await writeFile(file, (await readFile(file, "utf8")).replace('\\"usedUnits\\":120', '\\"usedUnits\\":12'));
  const { bundle: verified, rebuilt } = await replayBundle(copy, trust, fluxReplay);
  assert.deepEqual(
    verified.findings.map(({ what }) => what),
    ["payload-altered"],
  );
  assert.deepEqual(rebuilt, []);
});
