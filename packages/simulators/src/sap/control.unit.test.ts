import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { simulators } from "../simulators.ts";
import {
  balanced,
  entry,
  item,
  message,
  morning,
  readConfirmation,
  startTestSap,
  type TestSap,
} from "./sap.fixture.ts";

let sap: TestSap;

before(async () => {
  sap = await startTestSap({ settings: { processingMs: 30_000 } });
});
after(() => sap.stop());
beforeEach(async () => {
  await sap.client.reset();
  await sap.client.setClock(morning);
});

const get = async (path: string) => await (await fetch(`${sap.url}/_control${path}`)).json();

describe("the ledger's truth", () => {
  beforeEach(async () => {
    const euros = item("11001000", "1.00") + item("23100000", "-1.00", { assignment: "acct-0002" });
    const dollars =
      item("11001000", "2.50", { currency: "USD" }) + item("23100000", "-2.50", { currency: "USD" });
    await sap.post(
      message([
        entry({ reference: "A", items: euros }),
        entry({ reference: "B", items: euros }),
        entry({ reference: "C", items: dollars }),
        entry({ reference: "D", companyCode: "1710", items: dollars }),
      ]),
    );
  });

  const sums = async (query: string) => {
    const { documents, totals } = await sap.ledger(query);
    return [
      documents,
      ...totals.map(({ account, currency, balance }) => `${account} ${currency} ${balance}`),
    ];
  };

  test("is summed by company code, account and currency", async () => {
    assert.deepEqual(await sums("?account=11001000"), [
      4,
      "0011001000 EUR 2.00",
      "0011001000 USD 2.50",
      "0011001000 USD 2.50",
    ]);
    assert.deepEqual(await sums("?account=0011001000&companyCode=1710"), [4, "0011001000 USD 2.50"]);
    assert.deepEqual(await sums("?currency=EUR"), [4, "0011001000 EUR 2.00", "0023100000 EUR -2.00"]);
  });

  test("can be that of one reference or one assignment", async () => {
    assert.deepEqual(await sums("?reference=A"), [1, "0011001000 EUR 1.00", "0023100000 EUR -1.00"]);
    assert.deepEqual(await sums("?assignment=acct-0002"), [2, "0011001000 EUR 2.00", "0023100000 EUR -2.00"]);
    assert.deepEqual(await sums("?reference=Z"), [0]);
  });

  test("refuses filters it does not know", async () => {
    assert.equal((await fetch(`${sap.url}/_control/ledger?acount=1`)).status, 422);
  });
});

test("accounts, companies, customers and suppliers can be added", async () => {
  await sap.set("/master-data", {
    accounts: { "55000000": "Waste" },
    companies: { "2010": { name: "Flux Japan", currency: "JPY" } },
    customers: ["acct-7"],
  });
  const debtor = `<DebtorItem><Debtor>acct-7</Debtor><AmountInTransactionCurrency currencyCode="JPY">700</AmountInTransactionCurrency></DebtorItem>`;
  const items = debtor + item("55000000", "-700", { currency: "JPY" });
  const answer = await sap.post(message([entry({ companyCode: "2010", items })]));
  assert.deepEqual(readConfirmation(await answer.text())[0]?.types, ["605(RW)"]);
});

describe("settings", () => {
  test("are shown without the password, and go back to those of the start", async () => {
    const changed = await sap.set("/settings", {
      confirmation: { url: "http://127.0.0.1:1/", user: "u", password: "very-secret" },
      pageSize: 5,
    });
    assert.doesNotMatch(await changed.text(), /very-secret/);
    await sap.client.reset();
    const settings = (await get("/sap/settings")) as Readonly<Record<string, unknown>>;
    assert.deepEqual(
      [settings.processingMs, settings.pageSize, settings.confirmation],
      [30_000, 1_000, null],
    );
  });

  for (const [body, pointer] of [
    [{ pageSize: 0 }, "/pageSize"],
    [{ batchWindow: { mode: "refuse", from: "25:00", to: "04:00" } }, "/batchWindow"],
    [{ batchWindow: { mode: "queue", from: "04:00", to: "04:00" } }, "/batchWindow/to"],
    [{ confirmation: { url: "http://" } }, "/confirmation/url"],
    [{ somethingElse: true }, ""],
  ] as const) {
    test(`${JSON.stringify(body)} is refused`, async () => {
      const answer = await sap.set("/settings", body);
      assert.equal(answer.status, 422);
      const { problems } = (await answer.json()) as { problems: { pointer: string }[] };
      assert.ok(problems.some((problem) => problem.pointer.startsWith(pointer)));
    });
  }
});

test("a reset empties the books and starts the numbers again", async () => {
  const number = async () => readConfirmation(await (await sap.post(message([entry()]))).text())[0]?.document;
  assert.deepEqual([await number(), await number()], ["0100000000", "0100000001"]);
  await sap.client.reset();
  await sap.client.setClock(morning);
  assert.equal((await sap.ledger()).documents, 0);
  assert.equal(await number(), "0100000000");
});

test("what waits to be posted is forgotten by a reset", async () => {
  await sap.post(
    message([entry({ items: balanced })]),
    {},
    "/sap/bc/srt/scs_ext/sap/journalentrybulkcreationreques",
  );
  await sap.client.reset();
  await sap.client.advance("P1D");
  assert.equal((await sap.ledger()).documents, 0);
});

test("it tells what it is, and is started by its name", async () => {
  const about = (await get("")) as Readonly<Record<string, unknown>>;
  assert.equal(about.system, "sap");
  assert.equal(about.callbacks, true);
  const start = await simulators.sap();
  const other = await start({ seed: 1 });
  assert.match(other.url, /^http:\/\/127\.0\.0\.1:\d+$/);
  await other.stop();
});
