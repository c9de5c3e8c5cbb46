import { readAmount } from "../amount.ts";
import type { EntryLine, ProposedEntry } from "../ledger/journal-entry.ts";
import { alpha, type MasterData } from "../ledger/master-data.ts";
import type { Segment } from "./read-idoc.ts";
import type { Fields } from "./record-layout.ts";

/** The journal entry that an ACC_DOCUMENT asks for. Amounts stand apart from items and are joined by ITEMNO_ACC. */
export function entryOf(segments: readonly Segment[], master: MasterData): ProposedEntry {
  const all = (name: string) => segments.filter((one) => one.name === name).map(({ fields }) => fields);
  const [header = {}] = all("E1BPACHE09");
  const amounts = new Map(all("E1BPACCR09").map((fields) => [itemNumber(fields), fields]));
  const lines: EntryLine[] = [];
  const add = (kind: EntryLine["kind"], fields: Fields, account: string, partner: string): void => {
    const amount = amounts.get(itemNumber(fields)) ?? {};
    const currency = amount.CURRENCY ?? "";
    lines.push({
      kind,
      account,
      partner,
      minor: readAmount((amount.AMT_DOCCUR ?? "").trim(), currency),
      currency,
      side: "",
      text: fields.ITEM_TEXT ?? "",
      assignment: fields.ALLOC_NMBR ?? "",
      taxCode: fields.TAX_CODE ?? "",
    });
  };
  for (const fields of all("E1BPACGL09")) add("account", fields, alpha(fields.GL_ACCOUNT ?? ""), "");
  for (const fields of all("E1BPACAR09"))
    add("customer", fields, master.customersAccount, alpha(fields.CUSTOMER ?? ""));
  for (const fields of all("E1BPACAP09"))
    add("supplier", fields, master.suppliersAccount, alpha(fields.VENDOR_NO ?? ""));
  return {
    reference: header.REF_DOC_NO ?? "",
    companyCode: header.COMP_CODE ?? "",
    documentType: header.DOC_TYPE ?? "",
    documentDate: header.DOC_DATE ?? "",
    postingDate: header.PSTNG_DATE ?? "",
    headerText: header.HEADER_TXT ?? "",
    user: header.USERNAME ?? "",
    objectType: header.OBJ_TYPE ?? "",
    // A `$` asks the ledger for a key.
    objectKey: header.OBJ_KEY === "$" ? "" : (header.OBJ_KEY ?? ""),
    objectSystem: header.OBJ_SYS ?? "",
    lines,
    reverses: header.OBJ_KEY_R ?? "",
    reversalReason: header.REASON_REV ?? "",
  };
}

function itemNumber({ ITEMNO_ACC = "" }: Fields): number {
  return Number(ITEMNO_ACC);
}
