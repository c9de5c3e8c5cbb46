import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { morning, startTestSap, type TestSap } from "../sap.fixture.ts";
import { readFlatFile, type Segment, writeFlatFile } from "./read-idoc.ts";
import {
  controlRecord,
  dataRecord,
  readRecord,
  segments,
  statusRecord,
  widthOf,
  writeRecord,
} from "./record-layout.ts";

let sap: TestSap;

before(async () => {
  sap = await startTestSap();
});
after(() => sap.stop());
beforeEach(async () => {
  await sap.client.reset();
  await sap.client.setClock(morning);
});

const control = {
  MANDT: "100",
  DOCREL: "740",
  DIRECT: "2",
  IDOCTYP: "ACC_DOCUMENT03",
  MESTYP: "ACC_DOCUMENT",
  SNDPOR: "ENTENTE",
  SNDPRT: "LS",
  SNDPRN: "ENTENTE",
  RCVPOR: "SAPENT",
  RCVPRT: "LS",
  RCVPRN: "ENTCLNT100",
  CREDAT: "20261124",
  CRETIM: "100000",
  REFMES: "FILE-000001",
};

function posting(
  reference: string,
  { account = "0011001000", amount = "349.9000" } = {},
): readonly Segment[] {
  const segment = (name: string, fields: Readonly<Record<string, string>>): Segment => ({ name, fields });
  return [
    segment("E1BPACHE09", {
      OBJ_TYPE: "BKPFF",
      OBJ_KEY: "$",
      OBJ_SYS: "ENTENTE",
      BUS_ACT: "RFBU",
      USERNAME: "ENTENTE",
      HEADER_TXT: "Top-up",
      COMP_CODE: "1010",
      DOC_DATE: "20261124",
      PSTNG_DATE: "20261124",
      DOC_TYPE: "SA",
      REF_DOC_NO: reference,
    }),
    segment("E1BPACGL09", {
      ITEMNO_ACC: "0000000001",
      GL_ACCOUNT: account,
      ITEM_TEXT: "Top-up",
      ALLOC_NMBR: "acct-0001",
    }),
    segment("E1BPACAR09", { ITEMNO_ACC: "0000000002", CUSTOMER: "0001000001", ALLOC_NMBR: "acct-0001" }),
    // The sign stands in the amount alone, and behind it.
    segment("E1BPACCR09", { ITEMNO_ACC: "0000000001", CURRENCY: "EUR", AMT_DOCCUR: amount }),
    segment("E1BPACCR09", { ITEMNO_ACC: "0000000002", CURRENCY: "EUR", AMT_DOCCUR: `${amount}-` }),
  ];
}

function xml(...idocs: readonly (readonly Segment[])[]): string {
  const fields = (values: Readonly<Record<string, string>>) =>
    Object.entries(values)
      .map(([name, value]) => `<${name}>${value}</${name}>`)
      .join("");
  const written = idocs.map(
    (list) =>
      `<IDOC BEGIN="1"><EDI_DC40 SEGMENT="1"><TABNAM>EDI_DC40</TABNAM>${fields(control)}</EDI_DC40>${list
        .map(({ name, fields: values }) => `<${name} SEGMENT="1">${fields(values)}</${name}>`)
        .join("\n")}</IDOC>`,
  );
  return `<?xml version="1.0" encoding="utf-8"?>\n<ACC_DOCUMENT03>${written.join("\n")}</ACC_DOCUMENT03>`;
}

const sendXml = (body: string) => sap.post(body, {}, "/sap/bc/idoc_xml?sap-client=100");
const sendFlat = (body: string) =>
  sap.send("POST", "/sap/bc/idoc_flat", body, { "content-type": "text/plain" });
const docnums = async (answer: Response) =>
  [...(await answer.text()).matchAll(/<DOCNUM>(\d{16})<\/DOCNUM>/g)].map((match) => match[1] as string);

/** The statuses of an IDoc, oldest first, from its status file. */
async function history(docnum: string) {
  const file = await (await sap.send("GET", `/sap/bc/idoc_status?docnum=${docnum}`)).text();
  return file
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => readRecord(line, statusRecord));
}
const statuses = async (docnum: string) => (await history(docnum)).map(({ STATUS }) => STATUS);

describe("records have the widths of the originals", () => {
  test("524 characters of control, 63 before the data, and each field in its place", () => {
    assert.equal(widthOf(controlRecord), 524);
    assert.equal(widthOf(dataRecord), 1063);
    const record = writeRecord({ TABNAM: "EDI_DC40", ...control, SERIAL: "S" }, controlRecord);
    assert.equal(record.length, 524);
    assert.equal(record.slice(0, 13), "EDI_DC40  100");
    assert.equal(record.slice(39, 39 + 30).trimEnd(), "ACC_DOCUMENT03");
    assert.equal(record.slice(99, 99 + 30).trimEnd(), "ACC_DOCUMENT");
    assert.equal(record.slice(504), `S${" ".repeat(19)}`);
    for (const layout of Object.values(segments)) assert.ok(widthOf(layout) <= 1000);
  });

  test("a value too wide for its field is not cut in silence", () => {
    assert.throws(() => writeRecord({ MANDT: "1000" }, controlRecord), /MANDT takes 3 characters, not 4/);
  });

  test("a flat file read and written again is the same, line by line", () => {
    const file = writeFlatFile([
      { control, segments: posting("A") },
      { control, segments: posting("B", { amount: "1.00" }) },
    ]);
    const read = readFlatFile(file);
    assert.ok(typeof read !== "string");
    assert.equal(read.length, 2);
    assert.deepEqual(
      read[1]?.segments.map(({ name }) => name),
      posting("B").map(({ name }) => name),
    );
    assert.equal(writeFlatFile(read), file);
    assert.deepEqual(readFlatFile(file.replaceAll("\n", "\r\n")), read);
    const trimmed = file
      .split("\n")
      .map((line) => (line.startsWith("EDI_DC40") ? line : line.trimEnd()))
      .join("\n");
    assert.deepEqual(readFlatFile(trimmed), read, "blanks at the end of data may be missing");
  });
});

for (const [way, send] of [
  ["XML", (...references: string[]) => sendXml(xml(...references.map((one) => posting(one))))],
  [
    "a flat file",
    (...references: string[]) =>
      sendFlat(writeFlatFile(references.map((one) => ({ control, segments: posting(one) })))),
  ],
] as const) {
  test(`an IDoc sent as ${way} is stored at once, posted later, and tells its statuses`, async () => {
    const answer = await send("A");
    assert.equal(answer.status, 200);
    const [docnum = ""] = await docnums(answer);
    assert.deepEqual(await statuses(docnum), ["50", "64"]);
    assert.equal((await sap.ledger()).documents, 0);
    await sap.client.advance("PT1M");
    const records = await history(docnum);
    assert.deepEqual(
      records.map(({ STATUS }) => STATUS),
      ["50", "64", "62", "53"],
    );
    assert.deepEqual(
      [
        records[3]?.TABNAM,
        records[3]?.MANDT,
        records[3]?.LOGDAT,
        records[3]?.STAMID,
        records[3]?.STAMNO,
        records[3]?.REFMES,
      ],
      ["EDI_DS40", "100", "20261124", "RW", "605", "FILE-000001"],
    );
    assert.match(records[3]?.STATXT ?? "", /^Document posted successfully: BKPFF 010000000010102026/);
    assert.deepEqual(
      (await sap.ledger("?reference=A")).totals.map(({ account, balance }) => [account, balance]),
      [
        ["0011001000", "349.90"],
        ["0012100000", "-349.90"],
      ],
    );
    const [effect] = await sap.client.effects({ key: "A" });
    assert.deepEqual([effect?.operation, effect?.amount], ["receive-idocs", "349.90"]);
  });
}

test("several IDocs of one file each have their own number and outcome", async () => {
  const list = [posting("A"), posting("B", { account: "0099999999" }), posting("C")];
  const numbers = await docnums(await sendXml(xml(...list)));
  assert.deepEqual(numbers, ["0000000000000001", "0000000000000002", "0000000000000003"]);
  await sap.client.advance("PT1M");
  assert.deepEqual(await Promise.all(numbers.map(async (one) => (await statuses(one)).at(-1))), [
    "53",
    "51",
    "53",
  ]);
  const filter = encodeURIComponent("DocumentReferenceID eq 'B'");
  const path = `/sap/opu/odata/sap/ZINTEGRATION_MONITOR_SRV/A_IDoc?$filter=${filter}`;
  const { results } = await sap.read<{ results: readonly Readonly<Record<string, unknown>>[] }>(path);
  assert.deepEqual(
    results.map(({ Status, StatusText }) => [Status, StatusText]),
    [["51", "G/L account 99999999 is not defined in chart of accounts YCOA"]],
  );
});

test("the same IDoc sent twice is posted twice: nothing compares them", async () => {
  await sendXml(xml(posting("A")));
  await sendXml(xml(posting("A")));
  await sap.client.advance("PT1M");
  assert.equal((await sap.client.effects({ key: "A" })).length, 2);
});

describe("an IDoc that could not be posted", () => {
  beforeEach(async () => {
    await sap.set("/posting-periods", { open: [] });
    await sendXml(xml(posting("A")));
    await sap.client.advance("PT1M");
  });
  const reprocess = (docnum: string) => sap.send("POST", `/sap/bc/idoc_reprocess?docnum=${docnum}`);

  test("is processed again when told so, after what stood in its way has gone", async () => {
    assert.deepEqual(await statuses("1"), ["50", "64", "62", "51"]);
    await sap.set("/posting-periods", { open: null });
    assert.equal((await reprocess("1")).status, 202);
    await sap.client.advance("PT1M");
    assert.deepEqual(await statuses("1"), ["50", "64", "62", "51", "64", "62", "53"]);
    assert.equal((await sap.ledger()).documents, 1);
  });

  test("fails again as long as it stands in its way", async () => {
    await reprocess("1");
    await sap.client.advance("PT1M");
    assert.deepEqual((await statuses("1")).slice(-2), ["62", "51"]);
  });

  test("is not processed again once it is posted, nor twice at a time", async () => {
    await sap.set("/posting-periods", { open: null });
    assert.equal((await reprocess("1")).status, 202);
    assert.equal((await reprocess("1")).status, 409);
    await sap.client.advance("PT1M");
    assert.equal((await reprocess("1")).status, 409);
    assert.equal((await reprocess("99")).status, 404);
    assert.equal((await sap.ledger()).documents, 1);
  });
});

describe("an IDoc of the wrong form is stored with status 60 and goes no further:", () => {
  const [header, ...rest] = posting("A");
  for (const [what, body, text] of [
    [
      "an unknown segment",
      xml([...posting("A"), { name: "E1NONSENSE", fields: {} }]),
      /Segment E1NONSENSE is unknown/,
    ],
    ["no header", xml(rest), /Segment E1BPACHE09 must occur once/],
    ["two headers", xml([header as Segment, ...posting("A")]), /must occur once/],
    ["outbound", xml(posting("A")).replace("<DIRECT>2<", "<DIRECT>1<"), /DIRECT is not 2/],
    [
      "another message",
      xml(posting("A")).replace("<MESTYP>ACC_DOCUMENT<", "<MESTYP>DEBMAS<"),
      /No inbound function for message DEBMAS/,
    ],
  ] as const) {
    test(what, async () => {
      const [docnum = ""] = await docnums(await sendXml(body));
      const records = await history(docnum);
      assert.deepEqual(
        records.map(({ STATUS }) => STATUS),
        ["50", "60"],
      );
      assert.match(records[1]?.STATXT ?? "", text);
      await sap.client.advance("PT1H");
      assert.equal((await statuses(docnum)).length, 2);
    });
  }
});

describe("what cannot be read is refused as a whole, and nothing is stored:", () => {
  const file = writeFlatFile([{ control, segments: posting("A") }]);
  const lines = file.split("\n");
  for (const [what, send, text] of [
    ["XML that is not well-formed", () => sendXml("<ACC_DOCUMENT03><IDOC>"), /not well-formed/],
    ["XML without IDocs", () => sendXml("<ACC_DOCUMENT03/>"), /holds no IDOC/],
    [
      "a control record that is too short",
      () => sendFlat(file.replace(lines[0] ?? "", (lines[0] ?? "").slice(0, -1))),
      /523 characters, not 524/,
    ],
    [
      "data before any control record",
      () => sendFlat(lines.slice(1).join("\n")),
      /the first record is no EDI_DC40/,
    ],
    [
      "a data record that was cut off",
      () => sendFlat(`${lines[0]}\n${(lines[1] ?? "").slice(0, 62)}`),
      /63 to 1063 characters, not 62/,
    ],
    ["an empty file", () => sendFlat("\n"), /holds no EDI_DC40/],
  ] as const) {
    test(what, async () => {
      const answer = await send();
      assert.equal(answer.status, 400);
      assert.match(await answer.text(), text);
      assert.equal(await (await sap.send("GET", "/sap/bc/idoc_status")).text(), "");
    });
  }
});

describe("outside the batch window", () => {
  const window = { from: "22:00", to: "04:00" };

  test("IDocs wait at 64", async () => {
    await sap.set("/settings", { batchWindow: { mode: "queue", ...window } });
    const [docnum = ""] = await docnums(await sendXml(xml(posting("A"))));
    await sap.client.advance("PT11H");
    // The work follows the answer, and on a busy machine a little later.
    const reaches = async (last: string): Promise<(string | undefined)[]> => {
      const limit = performance.now() + 5_000;
      for (;;) {
        const seen = [...(await statuses(docnum))];
        if (seen.at(-1) === last || performance.now() > limit) return seen;
      }
    };
    assert.deepEqual(await reaches("64"), ["50", "64"]);
    await sap.client.advance("PT1H1S");
    assert.equal((await reaches("53")).at(-1), "53");
  });

  test("or are refused", async () => {
    await sap.set("/settings", { batchWindow: { mode: "refuse", ...window } });
    const answer = await sendXml(xml(posting("A")));
    assert.equal(answer.status, 503);
    assert.match(answer.headers.get("retry-after") ?? "", /^43[12]\d\d$/);
  });
});

test("the status file can start after a time", async () => {
  await sendXml(xml(posting("A")));
  await sap.client.advance("PT1M");
  await sap.client.setClock("2026-11-24T11:00:00Z");
  await sendXml(xml(posting("B")));
  const file = await (await sap.send("GET", "/sap/bc/idoc_status?after=2026-11-24T10:59:00Z")).text();
  assert.deepEqual(
    file
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => readRecord(line, statusRecord).DOCNUM),
    ["0000000000000002", "0000000000000002"],
  );
});

describe("rules", () => {
  test("refuse the IDoc with the key, which ends in 51, and no other", async () => {
    await sap.client.rule({ behaviour: "rejection", reason: "no-authorization", when: { key: "B" } });
    const numbers = await docnums(await sendXml(xml(posting("A"), posting("B"))));
    await sap.client.advance("PT1M");
    assert.equal((await statuses(numbers[0] ?? "")).at(-1), "53");
    const last = (await history(numbers[1] ?? "")).at(-1);
    assert.equal(last?.STATUS, "51");
    assert.match(last?.STATXT ?? "", /no authorization to post in company code 1010/);
  });

  test("let the answer have a status nobody knows, or be unreadable", async () => {
    await sap.client.rule({ behaviour: "unknown-status", times: 1 });
    assert.match(await (await sendXml(xml(posting("A")))).text(), /<STATUS>99<\/STATUS>/);
    await sap.client.rule({
      behaviour: "unknown-status",
      status: "77",
      when: { operation: "read-idoc-status" },
      times: 1,
    });
    assert.deepEqual(await statuses("1"), ["77", "77"]);
    await sap.client.rule({ behaviour: "malformed", variant: "missing-field", times: 1 });
    assert.deepEqual(await docnums(await sendXml(xml(posting("B")))), []);
    await sap.client.advance("PT1M");
    assert.equal((await sap.client.effects()).length, 2);
  });

  test("lose the answer after the IDoc was stored; the caller finds it by its reference", async () => {
    await sap.client.rule({ behaviour: "drop", effect: true, times: 1 });
    await assert.rejects(sendXml(xml(posting("LOST"))));
    await sap.client.advance("PT1M");
    const filter = encodeURIComponent("DocumentReferenceID eq 'LOST'");
    const path = `/sap/opu/odata/sap/ZINTEGRATION_MONITOR_SRV/A_IDoc?$filter=${filter}`;
    const { results } = await sap.read<{ results: readonly Readonly<Record<string, unknown>>[] }>(path);
    assert.deepEqual(
      results.map(({ Status, AccountingDocumentKey }) => [Status, AccountingDocumentKey]),
      [["53", "010000000010102026"]],
    );
  });
});
