import {
  type DispatchRow,
  defineTreaty,
  type HandOffTreaty,
  type Reply,
  type RowTranslation,
} from "@entente/core";
import { Type } from "typebox";
import { quickTimes, type SimulatedTreatyOptions } from "./payments-treaty.ts";
import { askOverHttp, KeepingAgent, treatyTexts } from "./treaty-http.ts";

export interface SimulatedLedgerOptions extends SimulatedTreatyOptions {
  readonly rowsAllowed: number;
  /** Told when bytes of a sending begin to leave, and when they have left. */
  readonly leaving?: (on: boolean) => void;
}

const postPath = "/sap/bc/srt/scs_ext/sap/journalentrycreaterequestconfi";
const readPath = "/sap/opu/odata/sap/API_OPLACCTGDOCITEMCUBE_SRV/A_OperationalAcctgDocItemCube";
/** References in one question: its address has to fit. */
const askedAtOnce = 100;

interface LedgerRow {
  readonly amountMinor: number;
  /** `YYYY-MM-DD` */
  readonly day: string;
}

/** What `send` and `inquire` make of their XML and JSON: rows by key. */
interface LedgerSaid {
  readonly rows: readonly {
    readonly key: string;
    readonly posted: boolean;
    readonly refused: boolean;
    readonly document: string;
  }[];
}

/**
 * Posts entries to the SAP simulator's ledger in batches: fact `shop.booked` `{entryId, amountMinor, day}`, where `entryId` of at most
 * 16 characters is the document's reference. As set up by default, that ledger recognizes no repeat of any kind.
 * Secret: `password`. Loaded by tests and measurements.
 */
export function simulatedLedger(options: SimulatedLedgerOptions): HandOffTreaty {
  const { url, rowsAllowed, times, limits, leaving = () => {} } = options;
  const agent = new KeepingAgent();
  const basic = (password: string) => `Basic ${Buffer.from(`ENTENTE_COMM:${password}`).toString("base64")}`;
  return defineTreaty({
    name: "ledger-post",
    version: "1.0.0",
    kind: "command-with-callback",
    target: "ledger",
    purpose: "post",
    ...treatyTexts("Posts to the ledger"),
    credentials: ["password"],
    input: Type.Object({ amountMinor: Type.Integer({ minimum: 1 }), day: Type.String() }),
    output: Type.Object({ rows: Type.Array(Type.Object({ key: Type.String() })) }),
    errorMap: {
      refused: { class: "BUSINESS_REJECTED", means: "The entry fails one of their checks." },
      "http-401": { class: "SECURITY_CONFIGURATION_FAILURE", means: "Sign-on refused." },
      "http-429": { class: "TECHNICAL_RETRYABLE", means: "Too many requests; nothing was posted." },
      "http-500": { class: "UNKNOWN", means: "Their trouble, before the posting or after it." },
      "http-503": { class: "UNKNOWN", means: "Their trouble." },
    },
    factsFrom: ["shop"],
    facts: ["shop.booked"],
    batch: { rowsAllowed },
    request: ({ data }) => [
      {
        aggregateType: "entry",
        aggregateId: String(data.entryId),
        line: null,
        data: { amountMinor: data.amountMinor as number, day: String(data.day) },
      },
    ],
    async send({ handOffId, rows }, means) {
      let on = true;
      const left = (): void => {
        if (on) leaving(false);
        on = false;
      };
      leaving(true);
      try {
        const authorization = basic(await means.secret("password"));
        const headers = { "content-type": "text/xml; charset=utf-8", authorization };
        const body = messageOf(handOffId, rows as readonly DispatchRow<LedgerRow>[]);
        const ask = { method: "POST", url: `${url}${postPath}`, headers, body, agent, left } as const;
        const reply = await askOverHttp(ask, means);
        return reply.status === "200" ? { ...reply, body: readConfirmation(reply.body, rows) } : reply;
      } finally {
        left();
      }
    },
    async inquire({ rowKeys }, means) {
      const authorization = basic(await means.secret("password"));
      const posted = new Set<string>();
      let last: Reply<string> | null = null;
      for (let n = 0; n < rowKeys.length; n += askedAtOnce) {
        const named = rowKeys
          .slice(n, n + askedAtOnce)
          .map((key) => `DocumentReferenceID eq '${referenceOf(key)}'`);
        const query = new URLSearchParams({ $filter: named.join(" or "), $select: "DocumentReferenceID" });
        const headers = { authorization, accept: "application/json" };
        last = await askOverHttp({ method: "GET", url: `${url}${readPath}?${query}`, headers, agent }, means);
        if (last.status !== "200") return last;
        const { d } = JSON.parse(last.body) as { d: { results: { DocumentReferenceID: string }[] } };
        for (const { DocumentReferenceID } of d.results) {
          // A page that names something else has been damaged on its way, and its silence about others means nothing.
          if (typeof DocumentReferenceID !== "string") throw new Error("an item without a reference");
          posted.add(DocumentReferenceID);
        }
      }
      const rows = rowKeys.map((key) => ({
        key,
        posted: posted.has(referenceOf(key)),
        refused: false,
        document: "",
      }));
      return { status: "200", raw: last?.raw ?? "", body: { rows } satisfies LedgerSaid };
    },
    translate({ status, body }, of) {
      if (status !== "200") return { says: "code", code: `http-${status}` };
      const { rows } = body as unknown as LedgerSaid;
      return {
        says: "accepted",
        rows: rows.flatMap(({ key, posted, refused, document }): RowTranslation[] => {
          if (posted) return [{ key, says: "completed", code: document }];
          if (refused) return [{ key, says: "code", code: "refused" }];
          return of === "inquiry" ? [{ key, says: "not-known" }] : [];
        }),
      };
    },
    times: { ...quickTimes, ...times },
    limits: {
      concurrency: 1,
      ratePerSecond: 5_000,
      triesAllowed: 20,
      circuitFailures: 40,
      circuitOpenMs: 50,
      ...limits,
    },
    order: "none",
  }) as unknown as HandOffTreaty;
}

/** Third part of the key: tenant, kind of thing, its id. */
function referenceOf(key: string): string {
  return decodeURIComponent(key.split(":")[2] ?? "");
}

function messageOf(id: string, rows: readonly DispatchRow<LedgerRow>[]): string {
  const entries = rows.map(({ aggregateId, data: { amountMinor, day } }) => {
    const amount = (amountMinor / 100).toFixed(2);
    return `<JournalEntryCreateRequest><MessageHeader><ID>${aggregateId}</ID><CreationDateTime>${day}T00:00:00Z</CreationDateTime></MessageHeader><JournalEntry><OriginalReferenceDocumentType>BKPFF</OriginalReferenceDocumentType><OriginalReferenceDocument/><OriginalReferenceDocumentLogicalSystem>ENTENTE</OriginalReferenceDocumentLogicalSystem><BusinessTransactionType>RFBU</BusinessTransactionType><AccountingDocumentType>SA</AccountingDocumentType><DocumentReferenceID>${aggregateId}</DocumentReferenceID><CreatedByUser>ENTENTE</CreatedByUser><CompanyCode>1010</CompanyCode><DocumentDate>${day}</DocumentDate><PostingDate>${day}</PostingDate>${itemOf("11001000", amount, "S")}${itemOf("23100000", `-${amount}`, "H")}</JournalEntry></JournalEntryCreateRequest>`;
  });
  return `<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:sfin="http://sap.com/xi/SAPSCORE/SFIN"><soapenv:Body><sfin:JournalEntryBulkCreateRequest><MessageHeader><ID>${id.slice(0, 35)}</ID><CreationDateTime>2026-01-01T00:00:00Z</CreationDateTime></MessageHeader>${entries.join("")}</sfin:JournalEntryBulkCreateRequest></soapenv:Body></soapenv:Envelope>`;
}

function itemOf(account: string, amount: string, side: "S" | "H"): string {
  return `<Item><GLAccount>${account}</GLAccount><AmountInTransactionCurrency currencyCode="EUR">${amount}</AmountInTransactionCurrency><DebitCreditCode>${side}</DebitCreditCode></Item>`;
}

/** Rows that cannot be read without doubt are left out: they stay open, and are asked about. Errors: the message was cut off. */
function readConfirmation(xml: string, rows: readonly DispatchRow[]): LedgerSaid {
  if (!xml.endsWith("</soap-env:Envelope>")) throw new Error("cut off");
  const keys = new Map(rows.map(({ aggregateId, idempotencyKey }) => [aggregateId, idempotencyKey]));
  const said: LedgerSaid["rows"][number][] = [];
  for (const part of xml.split("<JournalEntryCreateConfirmation><MessageHeader>").slice(1)) {
    const one = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(part)?.[1] ?? "";
    const key = keys.get(one("ReferenceID"));
    const severity = one("MaximumLogItemSeverityCode");
    const document = one("AccountingDocument");
    const numbered = /^\d{10}$/.test(document) && document !== "0000000000";
    if (key === undefined) continue;
    if (severity === "1" && numbered) said.push({ key, posted: true, refused: false, document });
    if (severity === "3" && document === "0000000000")
      said.push({ key, posted: false, refused: true, document });
  }
  return { rows: said };
}
