import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { entry, item, message, morning, partnerPath, startTestSap, type TestSap } from "../sap.fixture.ts";

let sap: TestSap;

before(async () => {
  sap = await startTestSap();
});
after(() => sap.stop());
beforeEach(async () => {
  await sap.client.reset();
  await sap.client.setClock(morning);
});

type Row = Readonly<Record<string, unknown>> & { readonly __metadata: Readonly<Record<string, string>> };
interface Feed {
  readonly results: readonly Row[];
}

const query = (options: Readonly<Record<string, string>>) => `?${new URLSearchParams(options)}`;
const asked = (set: string, options: Readonly<Record<string, string>>) =>
  sap.read<Feed>(`${set}${query(options)}`);
const partners = `${partnerPath}/A_BusinessPartner`;

interface ServiceError {
  readonly error: {
    readonly code: string;
    readonly message: { readonly lang: string; readonly value: string };
    readonly innererror: {
      readonly application: Readonly<Record<string, string>>;
      readonly transactionid: string;
      readonly timestamp: string;
      readonly errordetails: readonly Readonly<Record<string, string>>[];
    };
  };
}

async function errorOf(answer: Response): Promise<ServiceError["error"]> {
  return ((await answer.json()) as ServiceError).error;
}

describe("business partners", () => {
  const kiosk = {
    BusinessPartnerCategory: "2",
    OrganizationBPName1: "Kiosk",
    BusinessPartnerIDByExtSystem: "acct-9001",
  };

  async function created(body: object = kiosk) {
    const answer = await sap.change("POST", partners, body);
    assert.equal(answer.status, 201);
    return { answer, row: ((await answer.json()) as { d: Row }).d };
  }

  test("are created with a number, an ETag and an address, and can then be posted to", async () => {
    const { answer, row } = await created();
    assert.equal(row.BusinessPartner, "0003000001");
    assert.equal(row.BusinessPartnerFullName, "Kiosk");
    assert.equal(answer.headers.get("location"), `${sap.url}${partners}('0003000001')`);
    assert.match(answer.headers.get("etag") ?? "", /^W\/"'\d+'"$/);
    assert.equal(row.__metadata.etag, answer.headers.get("etag"));
    const debtor = `<DebtorItem><Debtor>3000001</Debtor><AmountInTransactionCurrency currencyCode="EUR">1.00</AmountInTransactionCurrency></DebtorItem>`;
    const outcome = await sap.post(message([entry({ items: debtor + item("23100000", "-1.00") })]));
    assert.match(await outcome.text(), /605\(RW\)/);
    const effects = await sap.client.effects({ key: "acct-9001" });
    assert.deepEqual(
      effects.map(({ operation, id }) => [operation, id]),
      [["create-business-partner", "0003000001"]],
    );
  });

  test("are there for a thousand demonstration accounts", async () => {
    const { results } = await asked(partners, { $filter: "BusinessPartnerIDByExtSystem eq 'acct-1000'" });
    assert.deepEqual(
      results.map(({ BusinessPartner }) => BusinessPartner),
      ["0001001000"],
    );
  });

  test("of the same name are created with a warning in sap-message", async () => {
    await created();
    const { answer } = await created();
    assert.deepEqual(JSON.parse(answer.headers.get("sap-message") ?? ""), {
      code: "R1/125",
      message: "Business partner 0003000001 has the same name",
      severity: "warning",
      target: "",
      details: [],
    });
  });

  for (const [method, headers] of [
    ["PATCH", {}],
    ["MERGE", {}],
    ["POST", { "x-http-method": "MERGE" }],
    ["POST", { "x-http-method": "PATCH" }],
  ] as const) {
    test(`are changed by ${method} ${JSON.stringify(headers)} with the ETag that was read`, async () => {
      const { row } = await created();
      const path = `${partners}('${row.BusinessPartner}')`;
      const changed = await sap.change(
        method,
        path,
        { SearchTerm1: "NEW" },
        { ...headers, "if-match": row.__metadata.etag ?? "" },
      );
      assert.equal(changed.status, 204);
      assert.notEqual(changed.headers.get("etag"), row.__metadata.etag);
      const after = await sap.read<Row>(path);
      assert.deepEqual([after.SearchTerm1, after.OrganizationBPName1], ["NEW", "Kiosk"]);
      assert.equal(after.__metadata.etag, changed.headers.get("etag"));
    });
  }

  test("are not changed without a condition (428), nor with an old one (412); any version is *", async () => {
    const { row } = await created();
    const path = `${partners}('${row.BusinessPartner}')`;
    const change = (headers: Record<string, string>) =>
      sap.change("PATCH", path, { SearchTerm1: "X" }, headers);
    assert.equal((await change({})).status, 428);
    assert.equal((await change({ "if-match": "*" })).status, 204);
    assert.equal((await change({ "if-match": row.__metadata.etag ?? "" })).status, 412);
    assert.equal((await sap.client.effects({ key: "acct-9001" })).length, 2);
  });

  test("that have not changed need not be sent again", async () => {
    const { row } = await created();
    const path = `${partners}('${row.BusinessPartner}')`;
    const answer = await sap.send("GET", path, undefined, { "if-none-match": row.__metadata.etag ?? "" });
    assert.equal(answer.status, 304);
  });

  test("are not deleted", async () => {
    assert.equal((await sap.change("DELETE", `${partners}('0001000001')`, "")).status, 405);
  });

  for (const [what, body, number, property] of [
    ["without a category", { LastName: "A" }, "R11/401", "BusinessPartnerCategory"],
    ["without a name", { BusinessPartnerCategory: "1" }, "R11/402", "LastName"],
    ["with a number that is taken", { ...kiosk, BusinessPartner: "1000001" }, "R1/202", "BusinessPartner"],
    [
      "with a name that is too long",
      { ...kiosk, OrganizationBPName1: "A".repeat(41) },
      "/IWBEP/CM_MGW_RT/022",
      "OrganizationBPName1",
    ],
  ] as const) {
    test(`are refused ${what}, in the Gateway's envelope`, async () => {
      const answer = await sap.change("POST", partners, body);
      assert.equal(answer.status, 400);
      const error = await errorOf(answer);
      assert.equal(error.code, number);
      assert.equal(error.message.lang, "en");
      assert.deepEqual(error.innererror.application, {
        component_id: "ENTENTE",
        service_namespace: "/SAP/",
        service_id: "API_BUSINESS_PARTNER",
        service_version: "0001",
      });
      assert.match(error.innererror.transactionid, /^[0-9A-F]{32}$/);
      assert.match(error.innererror.timestamp, /^20261124\d{6}\.0000000$/);
      assert.deepEqual(error.innererror.errordetails, [
        {
          code: number,
          message: error.message.value,
          propertyref: property,
          severity: "error",
          target: property,
        },
      ]);
    });
  }

  test("with a property nobody knows are refused", async () => {
    const answer = await sap.change("POST", partners, { ...kiosk, Nickname: "K" });
    assert.match((await errorOf(answer)).message.value, /Property 'Nickname' is invalid/);
  });

  test("that do not exist are 404", async () => {
    const answer = await sap.send("GET", `${partners}('77')`, undefined, { accept: "application/json" });
    assert.equal(answer.status, 404);
    assert.match((await errorOf(answer)).message.value, /Resource not found for the segment/);
  });
});
