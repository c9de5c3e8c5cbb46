import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import {
  cubePath,
  entry,
  message,
  morning,
  partnerPath,
  readConfirmation,
  startTestSap,
  syncPath,
  type TestSap,
} from "./sap.fixture.ts";

/** What rules do to this system's own answers; that they are chosen rightly is tested with the control part. */

let sap: TestSap;

before(async () => {
  sap = await startTestSap();
});
after(() => sap.stop());
beforeEach(async () => {
  await sap.client.reset();
  await sap.client.setClock(morning);
});

const post = (...references: string[]) =>
  sap.post(message(references.map((reference) => entry({ reference }))));
const outcomes = async (answer: Response) => readConfirmation(await answer.text());
const partner = {
  BusinessPartnerCategory: "2",
  OrganizationBPName1: "Kiosk",
  BusinessPartnerIDByExtSystem: "acct-9001",
};
const create = () => sap.change("POST", `${partnerPath}/A_BusinessPartner`, partner);
const documents = async () => (await sap.ledger()).documents;

describe("a rejection", () => {
  const reasons: readonly (readonly [string, string])[] = [
    ["account-unknown", "507(F5)"],
    ["account-blocked", "351(F5)"],
    ["account-locked", "042(MC)"],
    ["customer-unknown", "102(F5)"],
    ["company-unknown", "165(F5)"],
    ["period-closed", "201(F5)"],
    ["not-balanced", "022(RW)"],
    ["duplicate-reference", "117(F5)"],
    ["no-authorization", "083(F5)"],
  ];
  for (const [reason, type] of reasons) {
    test(`for ${reason} is ${type} in a confirmation with HTTP 200`, async () => {
      await sap.client.rule({ behaviour: "rejection", reason });
      const answer = await post("A");
      assert.equal(answer.status, 200);
      assert.deepEqual((await outcomes(answer))[0]?.types, ["609(RW)", type]);
      assert.equal(await documents(), 0);
    });
  }

  test("every reason that can be chosen is tested here, with business partners or with quotas", async () => {
    const { rejections } = (await (await fetch(`${sap.url}/_control`)).json()) as {
      rejections: { reason: string }[];
    };
    assert.deepEqual(
      rejections.map(({ reason }) => reason).sort(),
      [...reasons.map(([reason]) => reason), "partner-locked", "partner-refused", "quota-blocked"].sort(),
    );
  });

  test("with the key of one entry refuses that entry only, and counts once", async () => {
    await sap.client.rule({ behaviour: "rejection", reason: "account-locked", when: { key: "B" }, times: 1 });
    assert.deepEqual(
      (await outcomes(await post("A", "B", "C"))).map(({ severity }) => severity),
      ["1", "3", "1"],
    );
    assert.equal((await sap.client.rules())[0]?.applied, 1);
    assert.deepEqual(
      (await outcomes(await post("B"))).map(({ severity }) => severity),
      ["1"],
    );
  });

  test("with a share refuses that share of the entries", async () => {
    await sap.client.rule({ behaviour: "rejection", reason: "account-locked", when: { share: 0.25 } });
    const references = Array.from({ length: 400 }, (_, i) => `R-${i}`);
    const refused = (await outcomes(await post(...references))).filter(
      ({ severity }) => severity === "3",
    ).length;
    assert.ok(refused > 70 && refused < 130, `${refused} of 400, seed ${sap.seed}`);
    assert.equal(await documents(), 400 - refused);
  });

  test("does not keep another behaviour from the request", async () => {
    await sap.client.rule({ behaviour: "rejection", reason: "account-locked", when: { key: "B" } });
    await sap.client.rule({ behaviour: "server-error", effect: true });
    assert.equal((await post("A", "B")).status, 500);
    assert.equal(await documents(), 1);
  });

  test("a success before it makes an exception", async () => {
    await sap.client.rule({ behaviour: "success", when: { key: "A" } });
    await sap.client.rule({ behaviour: "rejection", reason: "period-closed" });
    assert.deepEqual(
      (await outcomes(await post("A", "B"))).map(({ severity }) => severity),
      ["1", "3"],
    );
  });

  test("after a success for one entry only refuses the others", async () => {
    await sap.client.rule({ behaviour: "success", times: 1 });
    await sap.client.rule({ behaviour: "rejection", reason: "period-closed" });
    assert.deepEqual(
      (await outcomes(await post("A", "B", "C"))).map(({ severity }) => severity),
      ["1", "3", "3"],
    );
  });

  test("in the request's own header refuses all it carries", async () => {
    const header = { "x-simulate": JSON.stringify({ behaviour: "rejection", reason: "no-authorization" }) };
    const answer = await sap.post(message([entry({ reference: "A" }), entry({ reference: "B" })]), header);
    assert.deepEqual(
      (await outcomes(answer)).map(({ severity }) => severity),
      ["3", "3"],
    );
  });

  for (const [reason, number] of [
    ["partner-locked", "R1/126"],
    ["partner-refused", "R11/001"],
  ] as const) {
    test(`of a business partner for ${reason} is ${number} with HTTP 400`, async () => {
      await sap.client.rule({ behaviour: "rejection", reason, when: { key: "acct-9001" } });
      const answer = await create();
      assert.equal(answer.status, 400);
      assert.equal(((await answer.json()) as { error: { code: string } }).error.code, number);
      assert.deepEqual(await sap.client.effects(), []);
    });
  }
});

describe("no answer", () => {
  for (const effect of [true, false]) {
    test(`by a reset connection ${effect ? "after" : "before"} the posting: asking by reference tells which`, async () => {
      await sap.client.rule({ behaviour: "drop", effect });
      await assert.rejects(post("A"));
      await sap.client.removeRules();
      const filter = encodeURIComponent("DocumentReferenceID eq 'A'");
      const { results } = await sap.read<{ results: [] }>(`${cubePath}?$filter=${filter}`);
      assert.equal(results.length, effect ? 2 : 0);
      assert.equal(await documents(), effect ? 1 : 0);
    });

    test(`by a timeout ${effect ? "after" : "before"} the posting`, async () => {
      await sap.client.rule({ behaviour: "timeout", effect, holdMs: 3_600_000 });
      const answer = assert.rejects(post("A"));
      while ((await sap.client.calls())[0]?.status !== "none") await new Promise(setImmediate);
      assert.equal(await documents(), effect ? 1 : 0);
      await sap.client.advance("PT1H");
      await answer;
    });
  }
});

test("a slow system posts when its time is over", async () => {
  await sap.client.rule({ behaviour: "slow", delayMs: 60_000 });
  const answer = post("A");
  while ((await sap.client.calls()).length === 0) await new Promise(setImmediate);
  assert.equal(await documents(), 0);
  await sap.client.advance("PT1M");
  assert.equal((await answer).status, 200);
  assert.equal(await documents(), 1);
});

describe("a malformed confirmation, after the effect:", () => {
  for (const [variant, pattern, not] of [
    ["not-json", /^<soap-env:Envelope/, /<\/soap-env:Envelope>/],
    ["missing-field", /<\/soap-env:Envelope>$/, /<AccountingDocument>/],
    ["wrong-type", /<MaximumLogItemSeverityCode>many</, /<MaximumLogItemSeverityCode>1</],
  ] as const) {
    test(variant, async () => {
      await sap.client.rule({ behaviour: "malformed", variant });
      const text = await (await post("A")).text();
      assert.match(text, pattern);
      assert.doesNotMatch(text, not);
      assert.equal(await documents(), 1);
    });
  }
});

describe("a malformed feed:", () => {
  for (const [variant, check] of [
    ["not-json", (text: string) => assert.throws(() => JSON.parse(text))],
    ["missing-field", (text: string) => assert.equal(JSON.parse(text).d.results, undefined)],
    ["wrong-type", (text: string) => assert.equal(JSON.parse(text).d.results, "forty-two")],
  ] as const) {
    test(variant, async () => {
      await post("A");
      await sap.client.rule({ behaviour: "malformed", variant });
      const answer = await sap.send("GET", cubePath, undefined, { accept: "application/json" });
      assert.equal(answer.status, 200);
      check(await answer.text());
    });
  }
});

test("an unknown status is a severity in a confirmation and an HTTP status elsewhere", async () => {
  await sap.client.rule({ behaviour: "unknown-status", status: "9" });
  assert.equal((await outcomes(await post("A")))[0]?.severity, "9");
  await sap.client.removeRules();
  await sap.client.rule({
    behaviour: "unknown-status",
    times: 1,
    when: { operation: "create-business-partner" },
  });
  const answer = await create();
  assert.equal(answer.status, 299);
  assert.equal(JSON.parse(answer.headers.get("sap-message") ?? "").severity, "puzzled");
  assert.equal((await sap.client.effects({ key: "acct-9001" })).length, 1);
});

describe("technical answers are in the shape of the interface", () => {
  const odata = () => sap.send("GET", cubePath, undefined, { accept: "application/json" });
  const idoc = () => sap.post("<ACC_DOCUMENT03/>", {}, "/sap/bc/idoc_xml");

  test("server error", async () => {
    await sap.client.rule({ behaviour: "server-error", effect: false });
    assert.match(await (await post("A")).text(), /<faultcode>soap-env:Server<\/faultcode>/);
    assert.equal(
      ((await (await odata()).json()) as { error: { code: string } }).error.code,
      "/IWFND/CM_MGW/099",
    );
    assert.match(await (await idoc()).text(), /^<html>/);
    assert.equal(await documents(), 0);
  });

  test("too many requests, with a time to come again", async () => {
    await sap.client.rule({ behaviour: "throttled", retryAfterSeconds: 9 });
    for (const answer of [await post("A"), await odata(), await idoc()]) {
      assert.deepEqual([answer.status, answer.headers.get("retry-after")], [429, "9"]);
    }
  });

  test("logon failed, with a challenge", async () => {
    await sap.client.rule({ behaviour: "unauthorized" });
    for (const answer of [await post("A"), await odata(), await idoc()]) {
      assert.equal(answer.status, 401);
      assert.match(answer.headers.get("www-authenticate") ?? "", /^Basic realm=/);
    }
  });

  test("away: the page of what stands before the system", async () => {
    await sap.client.outage("unavailable");
    const answer = await post("A");
    assert.equal(answer.status, 503);
    assert.match(await answer.text(), /Service cannot be reached/);
    const [call] = await sap.client.calls();
    assert.deepEqual(
      [call?.operation, call?.behaviour, call?.status],
      ["post-journal-entries", "outage", 503],
    );
    await sap.client.outage("none");
    assert.equal((await post("A")).status, 200);
  });
});

test("every call is logged under its operation and keys", async () => {
  await post("A", "B");
  await create();
  await sap.read(`${cubePath}?$filter=${encodeURIComponent("DocumentReferenceID eq 'A'")}`);
  const calls = await sap.client.calls();
  assert.deepEqual(
    calls.map(({ operation, key, keys }) => [operation, keys ?? key]),
    [
      ["post-journal-entries", ["A", "B"]],
      ["fetch-token", null],
      ["create-business-partner", "acct-9001"],
      ["read-journal-entries", "A"],
    ],
  );
  assert.equal((await sap.client.calls({ key: "B" })).length, 1);
});

test("what nobody serves is no operation", async () => {
  assert.equal((await sap.send("GET", "/sap/bc/nothing")).status, 404);
  assert.equal((await sap.send("GET", syncPath)).status, 404);
  assert.deepEqual(
    (await sap.client.calls()).map(({ operation }) => operation),
    [null, null],
  );
});
