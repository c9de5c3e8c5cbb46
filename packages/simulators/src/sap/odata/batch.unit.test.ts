import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { entry, message, morning, partnerPath, startTestSap, type TestSap } from "../sap.fixture.ts";

let sap: TestSap;

before(async () => {
  sap = await startTestSap();
});
after(() => sap.stop());
beforeEach(async () => {
  await sap.client.reset();
  await sap.client.setClock(morning);
});

const lines = (...text: string[]) => text.join("\r\n");
const get = (url: string) =>
  lines(
    "Content-Type: application/http",
    "Content-Transfer-Encoding: binary",
    "",
    `GET ${url} HTTP/1.1`,
    "Accept: application/json",
    "",
    "",
  );

function change(
  method: string,
  url: string,
  body: object,
  id: string,
  headers: readonly string[] = [],
): string {
  return lines(
    "--changeset_1",
    "Content-Type: application/http",
    "Content-Transfer-Encoding: binary",
    `Content-Id: ${id}`,
    "",
    `${method} ${url} HTTP/1.1`,
    "Content-Type: application/json",
    "Accept: application/json",
    ...headers,
    `Content-Id: ${id}`,
    "",
    JSON.stringify(body),
    "",
  );
}

const changeSet = (...changes: string[]) =>
  lines("Content-Type: multipart/mixed; boundary=changeset_1", "", ...changes, "--changeset_1--", "");

async function batch(...parts: string[]) {
  const body = lines(...parts.flatMap((part) => ["--batch_1", part]), "--batch_1--", "");
  const answer = await sap.change("POST", `${partnerPath}/$batch`, body, {
    "content-type": "multipart/mixed; boundary=batch_1",
  });
  const text = await answer.text();
  return { answer, text, statuses: [...text.matchAll(/^HTTP\/1\.1 (\d+ .*)\r$/gm)].map((match) => match[1]) };
}

const partner = (id: string) => ({
  BusinessPartnerCategory: "2",
  OrganizationBPName1: `Kiosk ${id}`,
  BusinessPartnerIDByExtSystem: id,
});

test("reads and changes are answered in order, in the form that clients cut apart", async () => {
  const { answer, text, statuses } = await batch(
    get("/sap/opu/odata/sap/API_BUSINESS_PARTNER/A_BusinessPartner('1000001')?$select=BusinessPartner"),
    changeSet(
      change("POST", "A_BusinessPartner", partner("acct-9001"), "1"),
      change("PATCH", "/A_BusinessPartner('1000001')", { SearchTerm1: "X" }, "2", ["If-Match: *"]),
    ),
    get("A_BusinessPartner('77')"),
  );
  assert.equal(answer.status, 202);
  const boundary =
    /^multipart\/mixed; boundary=(\w+)$/.exec(answer.headers.get("content-type") ?? "")?.[1] ?? "";
  assert.deepEqual(statuses, ["200 OK", "201 Created", "204 No Content", "404 Not Found"]);
  const parts = text.split(`--${boundary}`);
  assert.equal(parts.length, 5);
  assert.equal(parts[4], "--\r\n");
  assert.match(parts[1] ?? "", /\r\n\{"d":\{"__metadata":.*"BusinessPartner":"0001000001"\}\}\r\n$/);
  assert.match(parts[2] ?? "", /Content-Type: multipart\/mixed; boundary=\w+\r\n/);
  assert.match(parts[2] ?? "", /content-id: 1\r\n/);
  assert.deepEqual(
    (await sap.client.effects()).map(({ operation, key }) => [operation, key]),
    [
      ["create-business-partner", "acct-9001"],
      ["change-business-partner", "acct-0001"],
    ],
  );
});

test("a change set is done as a whole or not at all, and a failed one has a single answer", async () => {
  const before = await sap.read<Readonly<Record<string, unknown>>>(
    `${partnerPath}/A_BusinessPartner('1000001')`,
  );
  const { statuses } = await batch(
    changeSet(
      change("POST", "A_BusinessPartner", partner("acct-9001"), "1"),
      change("MERGE", "A_BusinessPartner('1000001')", { SearchTerm1: "X" }, "2", ["If-Match: *"]),
      change("POST", "A_BusinessPartner", { LastName: "no category" }, "3"),
    ),
    changeSet(change("POST", "A_BusinessPartner", partner("acct-9002"), "1")),
  );
  assert.deepEqual(statuses, ["400 Bad Request", "201 Created"]);
  const filter = encodeURIComponent("BusinessPartnerIDByExtSystem eq 'acct-9001'");
  const { results } = await sap.read<{ results: [] }>(`${partnerPath}/A_BusinessPartner?$filter=${filter}`);
  assert.deepEqual(results, []);
  assert.deepEqual(await sap.read(`${partnerPath}/A_BusinessPartner('1000001')`), before);
  assert.deepEqual(
    (await sap.client.effects()).map(({ key }) => key),
    ["acct-9002"],
  );
  const debtor = `<DebtorItem><Debtor>3000002</Debtor><AmountInTransactionCurrency currencyCode="EUR">0</AmountInTransactionCurrency></DebtorItem>`;
  const outcome = await sap.post(message([entry({ items: debtor + debtor })]));
  assert.match(await outcome.text(), /605\(RW\)/, "the number drawn by what was undone is not used again");
});

test("a rule with the key of one change refuses its change set only", async () => {
  await sap.client.rule({ behaviour: "rejection", reason: "partner-locked", when: { key: "acct-9002" } });
  const { statuses, text } = await batch(
    changeSet(change("POST", "A_BusinessPartner", partner("acct-9001"), "1")),
    changeSet(change("POST", "A_BusinessPartner", partner("acct-9002"), "1")),
  );
  assert.deepEqual(statuses, ["201 Created", "400 Bad Request"]);
  assert.match(text, /locked by another user/);
});

for (const [what, contentType, body] of [
  ["without a boundary", "multipart/mixed", "--a--"],
  ["without parts", "multipart/mixed; boundary=a", "--a--\r\n"],
  [
    "with a change outside a change set",
    "multipart/mixed; boundary=a",
    `--a\r\nContent-Type: application/http\r\n\r\nDELETE A HTTP/1.1\r\n\r\n\r\n--a--`,
  ],
] as const) {
  test(`a batch ${what} is refused as a whole`, async () => {
    const answer = await sap.change("POST", `${partnerPath}/$batch`, body, { "content-type": contentType });
    assert.equal(answer.status, 400);
  });
}

test("a batch needs the token like any change", async () => {
  const answer = await sap.send("POST", `${partnerPath}/$batch`, "--a--", {
    "content-type": "multipart/mixed; boundary=a",
  });
  assert.equal(answer.status, 403);
});
