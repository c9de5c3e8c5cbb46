import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { XMLValidator } from "fast-xml-parser";
import {
  balanced,
  basic,
  cubePath,
  entry,
  item,
  message,
  morning,
  partnerPath,
  session,
  startTestSap,
  type TestSap,
} from "../sap.fixture.ts";

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
  readonly __count?: string;
  readonly __next?: string;
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

describe("sessions and tokens", () => {
  test("a token is fetched with HEAD or GET, whatever its letters, and even with an answer that is an error", async () => {
    for (const [method, path] of [
      ["HEAD", `${partnerPath}/`],
      ["GET", partnerPath],
      ["HEAD", `${partners}('nobody')/`],
    ] as const) {
      const answer = await sap.send(method, path, undefined, { "x-csrf-token": "fEtCh" });
      assert.ok((answer.headers.get("x-csrf-token") ?? "").length > 20);
      const cookies = answer.headers.getSetCookie();
      assert.match(cookies.join("\n"), /SAP_SESSIONID_ENT_100=\w+; path=\/; HttpOnly/);
      assert.match(cookies.join("\n"), /sap-usercontext=sap-client=100/);
      await answer.arrayBuffer();
    }
  });

  const body = { BusinessPartnerCategory: "2", OrganizationBPName1: "Kiosk" };

  for (const [what, spoil] of [
    ["without a token", ({ cookie }) => ({ cookie: cookie ?? "" })],
    ["without the session's cookie", (given) => ({ "x-csrf-token": given["x-csrf-token"] ?? "" })],
    ["with another session's token", (given) => ({ cookie: given.cookie ?? "", "x-csrf-token": "other==" })],
  ] satisfies readonly (readonly [string, (given: Record<string, string>) => Record<string, string>])[]) {
    test(`a change ${what} is forbidden`, async () => {
      const answer = await sap.send("POST", partners, JSON.stringify(body), spoil(await session(sap)));
      assert.equal(answer.status, 403);
      assert.equal(answer.headers.get("x-csrf-token"), "Required");
      assert.equal(await answer.text(), "CSRF token validation failed");
      assert.deepEqual(await sap.client.effects(), []);
    });
  }

  test("a session lives for half an hour of the clock", async () => {
    const given = await session(sap);
    await sap.client.advance("PT29M");
    assert.equal((await sap.send("POST", partners, JSON.stringify(body), given)).status, 201);
    await sap.client.advance("PT2M");
    assert.equal((await sap.send("POST", partners, JSON.stringify(body), given)).status, 403);
  });

  test("sessions can be ended by control, as by a restart", async () => {
    const given = await session(sap);
    await sap.set("/sessions/expire", {});
    assert.equal((await sap.send("POST", partners, JSON.stringify(body), given)).status, 403);
  });

  test("a session's cookie stands for the password", async () => {
    const { cookie = "" } = await session(sap);
    assert.equal((await fetch(`${sap.url}${partnerPath}`, { headers: { cookie } })).status, 200);
    assert.equal((await fetch(`${sap.url}${partnerPath}`)).status, 401);
  });
});

describe("a service", () => {
  test("lists its sets, as JSON and as Atom", async () => {
    assert.deepEqual(await sap.read(`${partnerPath}/`), { EntitySets: ["A_BusinessPartner"] });
    const atom = await sap.send("GET", partnerPath);
    assert.match(atom.headers.get("content-type") ?? "", /^application\/atomsvc\+xml/);
    assert.match(await atom.text(), /<app:collection href="A_BusinessPartner">/);
  });

  for (const slash of ["", "/"]) {
    test(`describes itself under $metadata${slash}`, async () => {
      const answer = await sap.send(
        "GET",
        `/sap/opu/odata/sap/API_OPLACCTGDOCITEMCUBE_SRV/$metadata${slash}`,
      );
      assert.equal(answer.headers.get("content-type"), "application/xml;charset=utf-8");
      const text = await answer.text();
      assert.match(text, /m:DataServiceVersion="2\.0"/);
      assert.match(text, /<PropertyRef Name="AccountingDocumentItem"\/>/);
      assert.match(text, /<Property Name="PostingDate" Type="Edm\.DateTime"/);
      assert.match(text, /sap:creatable="false" sap:updatable="false" sap:deletable="false"/);
    });
  }

  test("that is not there is 403 with the Gateway's error", async () => {
    const answer = await sap.send("GET", "/sap/opu/odata/sap/NOT_THERE_SRV/A");
    assert.equal(answer.status, 403);
    assert.equal((await errorOf(answer)).code, "/IWFND/MED/170");
  });
});

describe("journal entry items", () => {
  beforeEach(async () => {
    const items = item("11001000", "12.50") + item("23100000", "-12.50", { assignment: "acct-0002" });
    await sap.post(message(["A", "B", "C"].map((reference) => entry({ reference, items }))));
  });

  test("have the shapes of OData 2.0", async () => {
    const { results } = await asked(cubePath, { $filter: "DocumentReferenceID eq 'A'" });
    assert.equal(results.length, 2);
    const [row] = results;
    const key =
      "CompanyCode='1010',FiscalYear='2026',AccountingDocument='0100000000',AccountingDocumentItem='001'";
    assert.deepEqual(row?.__metadata, {
      id: `${sap.url}${cubePath}(${key})`,
      uri: `${sap.url}${cubePath}(${key})`,
      type: "API_OPLACCTGDOCITEMCUBE_SRV.A_OperationalAcctgDocItemCubeType",
    });
    assert.equal(row?.AmountInTransactionCurrency, "12.50");
    assert.equal(row?.PostingDate, `/Date(${Date.parse("2026-11-24")})/`);
    assert.match(String(row?.CreationDateTime), /^\/Date\(\d+\+0000\)\/$/);
    assert.equal(row?.FiscalPeriod, "011");
    const one = await sap.read<Row>(`${cubePath}(${key})`);
    assert.deepEqual(one, row);
  });

  test("are counted, selected, ordered, and cut", async () => {
    const found = await asked(cubePath, {
      $select: "DocumentReferenceID,AmountInTransactionCurrency",
      $orderby: "AmountInTransactionCurrency,DocumentReferenceID desc",
      $top: "2",
      $skip: "1",
      $inlinecount: "allpages",
    });
    assert.equal(found.__count, "6");
    assert.deepEqual(
      found.results.map(({ __metadata, ...values }) => values),
      [
        { DocumentReferenceID: "B", AmountInTransactionCurrency: "-12.50" },
        { DocumentReferenceID: "A", AmountInTransactionCurrency: "-12.50" },
      ],
    );
    assert.equal(found.__next, undefined);
    assert.equal(await (await sap.send("GET", `${cubePath}/$count`)).text(), "6");
    const count = await sap.send(
      "GET",
      `${cubePath}/$count${query({ $filter: "GLAccount eq '0011001000'" })}`,
    );
    assert.equal(await count.text(), "3");
  });

  test("come in pages that lead on", async () => {
    await sap.set("/settings", { pageSize: 4 });
    const first = await asked(cubePath, { $filter: "CompanyCode eq '1010'" });
    assert.equal(first.results.length, 4);
    assert.match(first.__next ?? "", /\$skiptoken=4|%24skiptoken=4/);
    const second = await sap.read<Feed>((first.__next ?? "").slice(sap.url.length));
    assert.equal(second.results.length, 2);
    assert.equal(second.__next, undefined);
    const ids = [...first.results, ...second.results].map(({ __metadata }) => __metadata.id);
    assert.equal(new Set(ids).size, 6);
  });

  test("with a $top beyond the page the next page has what is left of it", async () => {
    await sap.set("/settings", { pageSize: 2 });
    const first = await asked(cubePath, { $top: "5" });
    const second = await sap.read<Feed>((first.__next ?? "").slice(sap.url.length));
    const third = await sap.read<Feed>((second.__next ?? "").slice(sap.url.length));
    assert.deepEqual(
      [first, second, third].map(({ results }) => results.length),
      [2, 2, 1],
    );
    assert.equal(third.__next, undefined);
  });

  for (const [filter, documents] of [
    ["AmountInTransactionCurrency gt 0M and DocumentReferenceID ne 'B'", ["A", "C"]],
    ["(DocumentReferenceID eq 'A' or DocumentReferenceID eq 'C') and DebitCreditCode eq 'S'", ["A", "C"]],
    ["startswith(DocumentReferenceID,'A') and not (DebitCreditCode eq 'H')", ["A"]],
    [
      "PostingDate ge datetime'2026-11-24T00:00:00' and AmountInTransactionCurrency ge 12.5M",
      ["A", "B", "C"],
    ],
    ["PostingDate gt datetime'2026-11-24T00:00:00'", []],
    ["substringof('0002',AssignmentReference) eq true and DocumentReferenceID le 'B'", ["A", "B"]],
    ["IsReversed eq false and endswith(GLAccount,'1000')", ["A", "B", "C"]],
    ["DocumentReferenceID eq 'C' or DocumentReferenceID eq 'A' and DebitCreditCode eq 'S'", ["A", "C", "C"]],
    ["(DocumentReferenceID eq 'A' or GLAccount eq '0011001000') and DebitCreditCode eq 'S'", ["A", "B", "C"]],
    ["DocumentReferenceID eq 'A' and DocumentReferenceID eq 'B'", []],
    [
      "AssignmentReference eq 'acct-0002' or AssignmentReference eq 'acct-0001'",
      ["A", "A", "B", "B", "C", "C"],
    ],
    ["tolower(DocumentReferenceID) eq 'c' and DebitCreditCode eq 'S'", ["C"]],
  ] as const) {
    test(`${filter} finds ${documents.join(", ") || "none"}`, async () => {
      const { results } = await asked(cubePath, { $filter: filter });
      assert.deepEqual(
        results.map(({ DocumentReferenceID }) => DocumentReferenceID),
        documents,
      );
    });
  }

  for (const [options, text] of [
    [
      { $filter: "Nothing eq 'A'" },
      /Property 'Nothing' not found in type 'A_OperationalAcctgDocItemCubeType'/,
    ],
    [{ $filter: "DocumentReferenceID eq 5" }, /cannot be compared/],
    [{ $filter: "DocumentReferenceID eq 'A' and" }, /ends too soon/],
    [{ $filter: "length(DocumentReferenceID) eq 1" }, /length/],
    [{ $filter: "constructor eq 'A'" }, /Property 'constructor' not found/],
    [{ $filter: "GLAccount toString 'A'" }, /comparison is missing/],
    [{ $select: "toString" }, /Property 'toString' not found/],
    [{ $select: "Nothing" }, /Property 'Nothing' not found/],
    [{ $orderby: "GLAccount sideways" }, /Invalid \$orderby/],
    [{ $top: "-1" }, /Invalid value '-1' of query option \$top/],
    [{ $apply: "aggregate(x)" }, /\$apply is not supported/],
    [{ $expand: "to_Item" }, /no navigation properties/],
  ] as const) {
    test(`${JSON.stringify(options)} is refused, never half understood`, async () => {
      const answer = await sap.send("GET", `${cubePath}${query(options)}`, undefined, {
        accept: "application/json",
      });
      assert.equal(answer.status, 400);
      assert.match((await errorOf(answer)).message.value, text);
    });
  }

  test("are Atom unless JSON is asked for", async () => {
    const answer = await sap.send("GET", `${cubePath}?$top=1&$inlinecount=allpages`);
    assert.match(answer.headers.get("content-type") ?? "", /^application\/atom\+xml;type=feed/);
    const text = await answer.text();
    assert.match(text, /<m:count>6<\/m:count>/);
    assert.match(text, /<d:AmountInTransactionCurrency>12\.50<\/d:AmountInTransactionCurrency>/);
    assert.match(text, /<d:PostingDate>2026-11-24T00:00:00<\/d:PostingDate>/);
    const json = await sap.send("GET", `${cubePath}?$top=1&$format=json`);
    assert.match(json.headers.get("content-type") ?? "", /^application\/json/);
    assert.equal(json.headers.get("dataserviceversion"), "2.0");
  });

  test("are also there under a generated key", async () => {
    const basicSet = "/sap/opu/odata/sap/API_JOURNALENTRYITEMBASIC_SRV/A_JournalEntryItemBasic";
    const { results } = await asked(basicSet, {
      $filter: "DocumentReferenceID eq 'B'",
      $select: "ID,AccountingDocument",
    });
    assert.deepEqual(
      results.map(({ ID }) => ID),
      ["0L-1010-2026-0100000001-000001", "0L-1010-2026-0100000001-000002"],
    );
    const one = await sap.read<Row>(`${basicSet}('0L-1010-2026-0100000001-000002')`);
    assert.equal(one.AmountInTransactionCurrency, "-12.50");
  });

  for (const [method, path] of [
    ["POST", cubePath],
    [
      "PATCH",
      `${cubePath}(CompanyCode='1010',FiscalYear='2026',AccountingDocument='0100000000',AccountingDocumentItem='001')`,
    ],
    [
      "MERGE",
      `${cubePath}(CompanyCode='1010',FiscalYear='2026',AccountingDocument='0100000000',AccountingDocumentItem='001')`,
    ],
    [
      "DELETE",
      `${cubePath}(CompanyCode='1010',FiscalYear='2026',AccountingDocument='0100000000',AccountingDocumentItem='001')`,
    ],
  ] as const) {
    test(`${method} is not allowed on the books`, async () => {
      const answer = await sap.change(method, path, { DocumentItemText: "forged" });
      assert.equal(answer.status, 405);
      assert.match((await errorOf(answer)).message.value, /not allowed/);
      assert.equal((await sap.ledger()).documents, 3);
    });
  }
});

describe("a repeated request with a RequestID", () => {
  const id = { requestid: "0123456789ABCDEF0123456789ABCDEF", repeatabilitycreation: morning };
  const body = {
    BusinessPartnerCategory: "2",
    OrganizationBPName1: "Kiosk",
    BusinessPartnerIDByExtSystem: "acct-9001",
  };

  test("is done again where it is not supported, and says so", async () => {
    const answer = await sap.change("POST", partners, body, id);
    assert.equal(answer.headers.get("repeatabilityresult"), "unsupported");
    await sap.change("POST", partners, body, id);
    assert.equal((await sap.client.effects({ key: "acct-9001" })).length, 2);
  });

  test("is answered as before where it is", async () => {
    await sap.set("/settings", { repeatableRequests: true });
    const first = await sap.change("POST", partners, body, id);
    const second = await sap.change("POST", partners, body, id);
    assert.equal(second.headers.get("repeatabilityresult"), "accepted");
    assert.deepEqual([second.status, await second.text()], [first.status, await first.text()]);
    await sap.client.advance("PT12H");
    const late = await sap.change("POST", partners, body, id);
    assert.equal(late.status, 400);
    assert.match(await late.text(), /RequestID is outdated/);
    assert.equal((await sap.client.effects({ key: "acct-9001" })).length, 1);
  });
});

test("everything that is XML is well-formed, whatever the texts in it", async () => {
  const texts = `&lt;a&gt; &amp; "b"`;
  await sap.post(message([entry({ items: balanced.replaceAll("Top-up", texts) })]));
  for (const path of [
    partnerPath,
    `${partnerPath}/$metadata`,
    `${cubePath}?$inlinecount=allpages`,
    `${partnerPath}/A_BusinessPartner('1000001')`,
    `${partnerPath}/A_BusinessPartner('<&>')`,
    "/sap/opu/odata/sap/ZINTEGRATION_MONITOR_SRV/$metadata",
  ]) {
    const text = await (await sap.send("GET", path)).text();
    assert.equal(XMLValidator.validate(text), true, text);
  }
  const { results } = await asked(cubePath, { $filter: `DocumentItemText eq '<a> & "b"'` });
  assert.equal(results.length, 2);
});

test("the caller's own name for the host is in the addresses", async () => {
  const at = new URL(sap.url);
  const answer = await fetch(`http://localhost:${at.port}${partners}?$top=1&$format=json`, {
    headers: { authorization: basic },
  });
  const { d } = (await answer.json()) as { d: Feed };
  assert.match(d.results[0]?.__metadata.uri ?? "", new RegExp(`^http://localhost:${at.port}/`));
});
