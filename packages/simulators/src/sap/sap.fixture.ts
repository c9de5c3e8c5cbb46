import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { openControlClient } from "../control/control-client.ts";
import type { RunningSimulator } from "../control/start-simulator.ts";
import { type SapOptions, startSap } from "./start-sap.ts";

export const morning = "2026-11-24T10:00:00Z";
export const basic = `Basic ${Buffer.from("ENTENTE_COMM:entente-dev-1").toString("base64")}`;
export const syncPath = "/sap/bc/srt/scs_ext/sap/journalentrycreaterequestconfi";
export const asyncPath = "/sap/bc/srt/scs_ext/sap/journalentrybulkcreationreques";
export const partnerPath = "/sap/opu/odata/sap/API_BUSINESS_PARTNER";
export const cubePath = "/sap/opu/odata/sap/API_OPLACCTGDOCITEMCUBE_SRV/A_OperationalAcctgDocItemCube";

type Headers = Readonly<Record<string, string>>;

export interface TestSap extends RunningSimulator {
  readonly client: ReturnType<typeof openControlClient>;
  send(method: string, path: string, body?: string, headers?: Headers): Promise<Response>;
  post(body: string, headers?: Headers, path?: string): Promise<Response>;
  /** GET with JSON, and what stands in `d`. */
  read<D>(path: string): Promise<D>;
  /** A change through OData, with token and cookies of a session. */
  change(method: string, path: string, body: unknown, headers?: Headers): Promise<Response>;
  /** POST below `/_control/sap`. */
  set(path: string, body: object): Promise<Response>;
  ledger(query?: string): Promise<LedgerTruth>;
}

export interface LedgerTruth {
  readonly documents: number;
  readonly totals: readonly {
    readonly account: string;
    readonly currency: string;
    readonly debit: string;
    readonly credit: string;
    readonly balance: string;
  }[];
}

export async function startTestSap(options: SapOptions = {}): Promise<TestSap> {
  // Long enough that nothing is posted before a test moves the clock, however slow the machine.
  const settings = { processingMs: 60_000, ...options.settings };
  const simulator = await startSap({ seed: 7, ...options, settings });
  const { url } = simulator;
  const client = openControlClient(url);
  await client.setClock(morning);
  const send = (method: string, path: string, body?: string, headers: Headers = {}) =>
    fetch(`${url}${path}`, {
      method,
      headers: { authorization: basic, ...headers },
      ...(body === undefined ? {} : { body }),
    });
  const sap: TestSap = {
    ...simulator,
    client,
    send,
    post: (body, headers = {}, path = syncPath) =>
      send("POST", path, body, { "content-type": "text/xml; charset=utf-8", ...headers }),
    read: async (path) =>
      ((await (await send("GET", path, undefined, { accept: "application/json" })).json()) as { d: never }).d,
    async change(method, path, body, headers = {}) {
      return await send(method, path, typeof body === "string" ? body : JSON.stringify(body), {
        "content-type": "application/json",
        accept: "application/json",
        ...(await session(sap)),
        ...headers,
      });
    },
    set: (path, body) =>
      fetch(`${url}/_control/sap${path}`, {
        method: "POST",
        body: JSON.stringify(body),
        headers: { "content-type": "application/json" },
      }),
    ledger: async (query = "") =>
      (await (await fetch(`${url}/_control/ledger${query}`)).json()) as LedgerTruth,
  };
  return sap;
}

/** Token and cookies, fetched as the Cloud SDK does: HEAD on the service with an empty body. */
export async function session(sap: Pick<TestSap, "send">): Promise<Record<string, string>> {
  const answer = await sap.send("HEAD", `${partnerPath}/`, undefined, { "x-csrf-token": "Fetch" });
  return {
    "x-csrf-token": answer.headers.get("x-csrf-token") ?? "",
    cookie: answer.headers
      .getSetCookie()
      .map((one) => one.split(";")[0])
      .join("; "),
  };
}

export interface EntryToWrite {
  readonly reference?: string;
  readonly companyCode?: string;
  readonly postingDate?: string;
  readonly documentDate?: string;
  readonly user?: string;
  readonly objectKey?: string;
  readonly items?: string;
  readonly reverses?: string;
  readonly reason?: string;
}

export function item(
  account: string,
  amount: string,
  { currency = "EUR", side = amount.startsWith("-") ? "H" : "S", assignment = "acct-0001" } = {},
): string {
  return `
        <Item>
          <ReferenceDocumentItem>1</ReferenceDocumentItem>
          <GLAccount>${account}</GLAccount>
          <AmountInTransactionCurrency currencyCode="${currency}">${amount}</AmountInTransactionCurrency>
          <DebitCreditCode>${side}</DebitCreditCode>
          <DocumentItemText>Top-up</DocumentItemText>
          <AssignmentReference>${assignment}</AssignmentReference>
          <AccountAssignment><ProfitCenter>YB101</ProfitCenter></AccountAssignment>
        </Item>`;
}

export const balanced = item("11001000", "12.50") + item("23100000", "-12.50");

/** One JournalEntryCreateRequest, with the elements and the order of messages captured from real callers. */
export function entry({
  reference = "TOPUP-1",
  companyCode = "1010",
  postingDate = "2026-11-24",
  documentDate = "2026-11-24",
  user = "ENTENTE",
  objectKey = "",
  items = balanced,
  reverses,
  reason = "",
}: EntryToWrite = {}): string {
  const reversal =
    reverses === undefined
      ? ""
      : `<ReversalReason>${reason}</ReversalReason><ReversalReferenceDocument>${reverses}</ReversalReferenceDocument>`;
  return `
    <JournalEntryCreateRequest>
      <MessageHeader>
        <ID>SUB_${reference}</ID>
        <CreationDateTime>2026-11-24T10:00:00.1234567Z</CreationDateTime>
      </MessageHeader>
      <JournalEntry>
        <OriginalReferenceDocumentType>BKPFF</OriginalReferenceDocumentType>
        <OriginalReferenceDocument>${objectKey}</OriginalReferenceDocument>
        <OriginalReferenceDocumentLogicalSystem>ENTENTE</OriginalReferenceDocumentLogicalSystem>
        <BusinessTransactionType>RFBU</BusinessTransactionType>
        <AccountingDocumentType>SA</AccountingDocumentType>
        <DocumentReferenceID>${reference}</DocumentReferenceID>
        <DocumentHeaderText>Top-up</DocumentHeaderText>
        <CreatedByUser>${user}</CreatedByUser>
        <CompanyCode>${companyCode}</CompanyCode>
        <DocumentDate>${documentDate}</DocumentDate>
        <PostingDate>${postingDate}</PostingDate>${reversal}${items}
      </JournalEntry>
    </JournalEntryCreateRequest>`;
}

export function message(entries: readonly string[], { id = "MSG-1", uuid = "" } = {}): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:sfin="http://sap.com/xi/SAPSCORE/SFIN">
  <soapenv:Header/>
  <soapenv:Body>
  <sfin:JournalEntryBulkCreateRequest>
    <MessageHeader><ID>${id}</ID>${uuid === "" ? "" : `<UUID>${uuid}</UUID>`}<CreationDateTime>2026-11-24T10:00:00Z</CreationDateTime></MessageHeader>${entries.join("")}
  </sfin:JournalEntryBulkCreateRequest>
  </soapenv:Body>
</soapenv:Envelope>`;
}

export interface ReadConfirmation {
  readonly referenceId: string;
  readonly document: string;
  readonly year: string;
  readonly severity: string;
  readonly types: readonly string[];
  readonly notes: readonly string[];
}

/** The outcomes in a confirmation, read with patterns of its own so that a reader's fault cannot hide a writer's. */
export function readConfirmation(xml: string): readonly ReadConfirmation[] {
  return xml
    .split("<JournalEntryCreateConfirmation><MessageHeader>")
    .slice(1)
    .map((part) => {
      const one = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(part)?.[1] ?? "";
      const all = (name: string) =>
        [...part.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, "g"))].map((m) => m[1] as string);
      return {
        referenceId: one("ReferenceID"),
        document: one("AccountingDocument"),
        year: one("FiscalYear"),
        severity: one("MaximumLogItemSeverityCode"),
        types: all("TypeID"),
        notes: all("Note"),
      };
    });
}

export interface Receiver {
  readonly url: string;
  readonly received: readonly {
    readonly body: string;
    readonly headers: Readonly<Record<string, unknown>>;
  }[];
  /** Statuses of the next answers, 200 when there are none left. */
  readonly statuses: number[];
  /** Resolves when so many have arrived in all. */
  arrived(count: number): Promise<void>;
  stop(): Promise<void>;
}

/** The caller's side of asynchronous confirmations. */
export async function startReceiver(): Promise<Receiver> {
  const received: { body: string; headers: Readonly<Record<string, unknown>> }[] = [];
  const statuses: number[] = [];
  let waiting: (() => void)[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (text) => {
      body += text;
    });
    request.on("end", () => {
      received.push({ body, headers: request.headers });
      response.writeHead(statuses.shift() ?? 200).end(() => {
        for (const tell of waiting.splice(0)) tell();
      });
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/confirmations`,
    received,
    statuses,
    async arrived(count) {
      while (received.length < count) {
        await new Promise<void>((resolve) => {
          waiting.push(resolve);
        });
      }
    },
    async stop() {
      waiting = [];
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
