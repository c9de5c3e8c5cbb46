import type { Means } from "@entente/core";
import { type HttpAnswer, httpCall } from "../http-call.ts";
import { companyCode } from "./journal-entry-message.ts";

const cube = "/sap/opu/odata/sap/API_OPLACCTGDOCITEMCUBE_SRV/A_OperationalAcctgDocItemCube";
/** References asked for at once: the address stays below 4 KB. */
const perQuestion = 50;
const pagesAllowed = 20;

/** Which of the references stand in the books, with their documents; or the answer that was none. */
export async function readBack(
  url: string,
  references: readonly string[],
  authorization: string,
  means: Means,
): Promise<{ readonly documents: Readonly<Record<string, string>> } | { readonly refused: HttpAnswer }> {
  const documents: Record<string, string> = {};
  for (let at = 0; at < references.length; at += perQuestion) {
    const asked = references.slice(at, at + perQuestion);
    const filter = `CompanyCode eq '${companyCode}' and (${asked.map((one) => `DocumentReferenceID eq '${one}'`).join(" or ")})`;
    const query = new URLSearchParams({
      $filter: filter,
      $select: "DocumentReferenceID,AccountingDocument,CompanyCode,FiscalYear",
      $format: "json",
    });
    let next: string | null = `${url}${cube}?${query}`;
    for (let page = 0; next !== null; page++) {
      if (page === pagesAllowed) throw new Error("the books go on for ever");
      const answer: HttpAnswer = await httpCall(
        { url: next, method: "GET", headers: { authorization, accept: "application/json" } },
        means,
      );
      if (answer.status !== 200) return { refused: answer };
      const { results, __next } = readPage(answer.text);
      for (const row of results) {
        const { DocumentReferenceID, AccountingDocument, CompanyCode, FiscalYear } = row;
        if (typeof DocumentReferenceID !== "string" || typeof AccountingDocument !== "string") {
          throw new Error("a row of the books without reference or document");
        }
        documents[DocumentReferenceID] = `${AccountingDocument}${CompanyCode}${FiscalYear}`;
      }
      // Only where it leads further on the same system: their links are theirs, our password is not.
      next =
        typeof __next === "string" && new URL(__next, url).origin === url ? new URL(__next, url).href : null;
      if (next === null && __next !== undefined) throw new Error("the next page is elsewhere");
    }
  }
  return { documents };
}

function readPage(text: string): {
  readonly results: readonly Readonly<Record<string, unknown>>[];
  readonly __next?: unknown;
} {
  const { d } = JSON.parse(text) as { d?: { results?: unknown; __next?: unknown } };
  if (!Array.isArray(d?.results)) throw new Error("no rows in the answer of the books");
  return d as ReturnType<typeof readPage>;
}
