import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { startBilling, theirWords } from "./billing-system.fixture.ts";
import { assertProblem } from "./http-client.fixture.ts";
import { otherSecret } from "./signed-callback.fixture.ts";

const billing = await startBilling();
after(() => billing.stop());
const { callBack, get, post, script, system } = billing;

const path = "/ops/callbacks";
const refusedPath = "/ops/callbacks/refused";

interface Shown extends Record<string, unknown> {
  readonly entryId: string;
  readonly messageId: string;
  readonly state: string;
}

async function listed(tenant: string, query = ""): Promise<readonly Shown[]> {
  return (await get(`${path}${query}`, { tenant })).body.callbacks;
}

async function comesTo(tenant: string, states: readonly string[]): Promise<void> {
  await billing.until(async () => {
    const found = await listed(tenant);
    return JSON.stringify(found.map(({ state }) => state)) === JSON.stringify(states);
  });
}

async function taken(tenant: string, id: string) {
  script.send = "TAKEN";
  const [handOff] = await billing.orders(tenant, [id], "accepted");
  assert.ok(handOff);
  return handOff;
}

test("a message is listed with what it was about and what became of it, for its tenant alone and without what it says", async () => {
  const tenant = "acme";
  const { handOffId, idempotencyKey, processId } = await taken(tenant, "o-1");
  const done = { tenantId: tenant, key: idempotencyKey, status: "DONE" } as const;
  assert.equal(await callBack(done, "m-1"), "received");
  await comesTo(tenant, ["applied"]);
  assert.equal(await callBack(done, "m-1"), "repeated");
  assert.equal(await callBack({ ...done, status: "E1" }, "m-1"), "callback-id-reused");

  const answer = await get(path, { tenant, role: "auditor" });
  const [one] = answer.body.callbacks;
  assert.deepStrictEqual(answer.body, {
    callbacks: [
      {
        context: "orders",
        treaty: "billing",
        entryId: one.entryId,
        messageId: "m-1",
        schemaVersion: "1.0.0",
        receivedAt: one.receivedAt,
        state: "applied",
        code: null,
        reference: idempotencyKey,
        payloadHash: one.payloadHash,
        repeats: 2,
        reused: 1,
        handOffId,
        aggregateType: "order",
        aggregateId: "o-1",
        key: "o-1",
        processId,
      },
    ],
  });
  assert.match(one.payloadHash, /^[0-9a-f]{32}$/);
  assert.ok(Math.abs(Date.parse(one.receivedAt) - system.clock.now()) < 60_000);
  assert.equal(answer.text.includes(theirWords), false);
  assert.equal(answer.headers.get("cache-control"), "no-store");
  // Whose hand-off it is, by id as well.
  assert.deepStrictEqual(await listed("globex"), []);
  assert.deepStrictEqual(await listed("globex", `?handOff=${handOffId}`), []);
  assert.deepStrictEqual(await listed("globex", `?before=${one.entryId}`), []);
  for (const one of [path, refusedPath])
    assertProblem(await get(one, { tenant, role: "customer" }), 403, "role-not-allowed");
});

test("an early message waits, and is of its hand-off once that is here; one about another tenant's is refused and of none", async () => {
  const tenant = "early";
  const { idempotencyKey } = await taken("victim", "o-1");
  assert.equal(await callBack({ tenantId: tenant, key: "ext-1", status: "DONE" }, "soon"), "received");
  await comesTo(tenant, ["waiting"]);
  const [early] = await listed(tenant, "?state=waiting");
  assert.deepStrictEqual(
    [early?.messageId, early?.reference, early?.handOffId, early?.processId],
    ["soon", "ext-1", null, null],
  );
  assert.deepStrictEqual(await listed(tenant, "?state=applied"), []);
  script.send = "DONE";
  const [handOff] = await billing.orders(tenant, ["o-1"], "completed");
  await comesTo(tenant, ["stale"]);
  assert.equal((await listed(tenant, `?handOff=${handOff?.handOffId}`))[0]?.messageId, "soon");

  await callBack({ tenantId: tenant, key: idempotencyKey, status: "DONE" }, "foreign");
  await comesTo(tenant, ["refused", "stale"]);
  const [foreign] = await listed(tenant, "?state=refused&treaty=billing");
  assert.deepStrictEqual(
    [foreign?.code, foreign?.handOffId, foreign?.aggregateId, foreign?.key, foreign?.processId],
    ["tenant-mismatch", null, null, null, null],
  );
  assert.deepStrictEqual(await listed("victim"), []);
});

test("what was said of an earlier attempt stays with its hand-off, though its key is another one now", async () => {
  const tenant = "again";
  const { handOffId, idempotencyKey } = await taken(tenant, "o-1");
  await callBack({ tenantId: tenant, key: idempotencyKey, status: "E1" }, "no");
  await comesTo(tenant, ["applied"]);
  const [open] = (await get("/ops/cases", { tenant })).body.cases;
  script.send = "DONE";
  const act = { context: "orders", why: "they mended it", act: "try-anew" };
  assert.equal((await post(`/ops/cases/${open.caseId}/decide`, act, { tenant })).status, 200);
  await billing.until(async () => {
    const [anew] = await system.treaties.handOffs("orders", tenant, ["completed"], null, 10);
    return anew !== undefined && anew.idempotencyKey !== idempotencyKey;
  });
  const found = await listed(tenant, `?handOff=${handOffId}`);
  assert.deepStrictEqual(
    found.map(({ messageId, reference }) => [messageId, reference]),
    [["no", idempotencyKey]],
  );
});

test("pages go on from the last message of the one before, and show each once", async () => {
  const tenant = "pages";
  const ids = ["p-1", "p-2", "p-3", "p-4", "p-5"];
  for (const id of ids) await callBack({ tenantId: tenant, key: `nobody-${id}`, status: "DONE" }, id);
  await comesTo(tenant, Array(5).fill("waiting"));
  const pages: string[][] = [];
  let before = "";
  for (;;) {
    const page = await listed(tenant, `?limit=2${before}`);
    if (page.length === 0) break;
    pages.push(page.map(({ messageId }) => messageId));
    before = `&before=${page.at(-1)?.entryId}`;
  }
  assert.deepStrictEqual(
    pages.map(({ length }) => length),
    [2, 2, 1],
  );
  assert.deepStrictEqual(pages.flat().sort(), ids);
  assert.deepStrictEqual((await listed(tenant, `?handOff=${randomUUID()}`)).length, 0);
  for (const query of ["before=nonsense", "limit=0", "limit=1001", "state=gone", "handOff=x", "cursor=1"])
    assertProblem(await get(`${path}?${query}`, { tenant }), 422, "query-invalid");
  assertProblem(await get(`${path}?treaty=nobody`, { tenant }), 404, "treaty-unknown");
});

test("a forged message is counted with its reason and its time, of no tenant; days are pages", async () => {
  const tenant = "forged";
  const said = { tenantId: tenant, key: "k", status: "DONE" } as const;
  const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10);
  const shown = async (query = "", by = tenant) =>
    (await get(`${refusedPath}${query}`, { tenant: by, role: "auditor" })).body.refused.map(
      ({ code, day, total, lastAt, treaty, context, ...more }: Record<string, unknown>) => {
        assert.deepStrictEqual([treaty, context, Object.keys(more)], ["billing", "orders", []]);
        assert.equal(dayOf(Date.parse(String(lastAt))), day);
        return [code, day, total];
      },
    );
  const started = system.clock.now();
  const first = dayOf(started);
  assert.equal(await callBack(said, "f-1", otherSecret), "callback-signature-wrong");
  assert.equal(await callBack(said, "f-2", otherSecret), "callback-signature-wrong");
  // One that is theirs, and that uses an id twice, is its tenant's: others are not told (it stands in /ops/callbacks).
  assert.deepStrictEqual(await shown(), [["callback-signature-wrong", first, 2]]);
  assert.deepStrictEqual(await shown("", "somebody-else"), [["callback-signature-wrong", first, 2]]);
  assert.deepStrictEqual(await listed(tenant), []);

  await system.setClock(started + 86_400_000);
  const second = dayOf(system.clock.now());
  assert.equal(await callBack(said, "f-3", otherSecret), "callback-signature-wrong");
  assert.equal(await callBack({ ...said, tenantId: "" }, "f-4"), "callback-unreadable");
  const ofSecond = [
    ["callback-signature-wrong", second, 1],
    ["callback-unreadable", second, 1],
  ];
  const page = await shown("?limit=1");
  assert.deepStrictEqual(page.toSorted(), ofSecond);
  assert.deepStrictEqual(await shown(`?limit=1&before=${second}`), [["callback-signature-wrong", first, 2]]);
  assert.deepStrictEqual(await shown(`?before=${first}&treaty=billing`), []);
  for (const query of ["before=nonsense", "before=2026-02-30", "before=0000-01-01", "limit=0", "tenant=acme"])
    assertProblem(await get(`${refusedPath}?${query}`, { tenant }), 422, "query-invalid");
  assertProblem(await get(`${refusedPath}?treaty=nobody`, { tenant }), 404, "treaty-unknown");
});

test("a hand-off shows hashes of what was asked and said, and its trouble in our words, never in theirs", async () => {
  const tenant = "hashes";
  const shown = async (send: typeof script.send, id: string, state: "rejected" | "fallout" | "unknown") => {
    script.send = send;
    await billing.orders(tenant, [id], state);
    const answer = await get(`/ops/hand-offs?state=${state}`, { tenant });
    assert.equal(answer.text.includes("Lovelace"), false, answer.text);
    return answer.body.handOffs.find(({ aggregateId }: { aggregateId: string }) => aggregateId === id);
  };
  const refused = await shown("E1", "h-1", "rejected");
  assert.match(refused.requestHash, /^[0-9a-f]{32}$/);
  assert.match(refused.lastResponseHash, /^[0-9a-f]{32}$/);
  assert.deepStrictEqual([refused.lastErrorCode, refused.lastErrorText], ["E1", "no"]);
  const unclassified = await shown("E9", "h-2", "fallout");
  assert.deepStrictEqual([unclassified.lastErrorCode, unclassified.lastErrorText], ["E9", null]);
  assert.equal(unclassified.requestHash, refused.requestHash, "they ask for the same");
  const garbled = await shown("garbled", "h-3", "unknown");
  assert.deepStrictEqual(
    [garbled.lastErrorCode, garbled.lastErrorText, garbled.lastResponseHash],
    ["answer-broken", "The call broke off: SyntaxError.", null],
  );
});
