import type { Means } from "@entente/core";
import { type HttpAnswer, httpCall } from "../http-call.ts";

/** SAP's item cube by OData v2: the books, item by item. */
const cube = "/sap/opu/odata/sap/API_OPLACCTGDOCITEMCUBE_SRV/A_OperationalAcctgDocItemCube";

export interface CubeItem {
  /** Empty: it has none. */
  readonly reference: string;
  /** How a person finds the document: `1010/2026/0100000003`. */
  readonly document: string;
  /** Number, company code and year run together, as confirmations name it. */
  readonly documentKey: string;
  /** Without leading zeros. */
  readonly account: string;
  readonly currency: string;
  /** Debit positive, in hundredths: every currency that Flux sells in has two decimals. */
  readonly amountMinor: number;
  /** `2026-11-24` */
  readonly postingDate: string;
}

export type CubePage =
  | { readonly items: readonly CubeItem[]; readonly next: string | null }
  | { readonly refused: HttpAnswer };

const columns = [
  "DocumentReferenceID",
  "AccountingDocument",
  "CompanyCode",
  "FiscalYear",
  "GLAccount",
  "AmountInTransactionCurrency",
  "TransactionCurrency",
  "PostingDate",
].join(",");

/** The address of the first page. `filter`: as OData v2 writes it. */
export function cubeAddress(url: string, filter: string): string {
  return `${url}${cube}?${new URLSearchParams({ $filter: filter, $select: columns, $format: "json" })}`;
}

/** One page. `next`: the address of the one after it. Errors: an answer that is no page, and a next page that is elsewhere. */
export async function readCube(address: string, authorization: string, means: Means): Promise<CubePage> {
  const answer = await httpCall(
    { url: address, method: "GET", headers: { authorization, accept: "application/json" } },
    means,
  );
  if (answer.status !== 200) return { refused: answer };
  const { d } = JSON.parse(answer.text) as { d?: { results?: unknown; __next?: unknown } };
  if (!Array.isArray(d?.results)) throw new Error("no rows in the answer of the books");
  return { items: d.results.map(itemOf), next: nextOf(address, d.__next) };
}

/** Only where it leads further on the same system: their links are theirs, our password is not. */
function nextOf(address: string, next: unknown): string | null {
  if (next === undefined) return null;
  const url = new URL(String(next), address);
  if (url.origin !== new URL(address).origin) throw new Error("the next page is elsewhere");
  return url.href;
}

function itemOf(given: unknown): CubeItem {
  const row = given as Readonly<Record<string, unknown>>;
  const text = (name: string): string => {
    const value = row[name];
    if (typeof value !== "string") throw new Error(`an item of the books without ${name}`);
    return value;
  };
  const [number, company, year] = ["AccountingDocument", "CompanyCode", "FiscalYear"].map(text);
  return {
    reference: text("DocumentReferenceID"),
    document: `${company}/${year}/${number}`,
    documentKey: `${number}${company}${year}`,
    account: text("GLAccount").replace(/^0+/, ""),
    currency: text("TransactionCurrency"),
    amountMinor: minorOf(text("AmountInTransactionCurrency")),
    postingDate: dayOf(text("PostingDate")),
  };
}

/** Exact: no floating point. */
function minorOf(amount: string): number {
  const [, sign, whole = "", cents = ""] = /^(-?)(\d+)(?:\.(\d{1,2})0*)?$/.exec(amount) ?? [];
  if (sign === undefined) throw new Error("an amount that is none in hundredths");
  const minor = Number(whole + cents.padEnd(2, "0"));
  if (!Number.isSafeInteger(minor)) throw new Error("an amount beyond all bounds");
  return sign === "-" && minor !== 0 ? -minor : minor;
}

/** `/Date(1795478400000)/` */
function dayOf(date: string): string {
  const ms = /^\/Date\((-?\d+)(?:[+-]\d{4})?\)\/$/.exec(date)?.[1];
  if (ms === undefined) throw new Error("a date that is none");
  return new Date(Number(ms)).toISOString().slice(0, 10);
}
