import type { TotalsRule } from "@entente/core";
import type { JournalEntry } from "../../contexts/ledger/contract/journal-entry.ts";
import { basic } from "./communication-user.ts";
import type { CompanyCodeOf } from "./company-codes.ts";
import { cubeAddress, readCube } from "./item-cube.ts";
import { glAccounts } from "./journal-entry-message.ts";
import { referenceOf } from "./references.ts";

/**
 * Sums of a posting day by company code, currency and account: of the entries that are posted as far as we know, and of everything that
 * the item cube has on these accounts, whoever posted it.
 */
export function ledgerTotals(url: string, companyCodeOf: CompanyCodeOf): TotalsRule<JournalEntry> {
  return {
    ofAct: ({ tenantId, idempotencyKey, data }) => ({
      day: data.postingDate,
      name: referenceOf(idempotencyKey),
      amounts: amountsOf(companyCodeOf(tenantId), data),
    }),
    async readPage({ tenantId, day, after }, means) {
      const companyCode = companyCodeOf(tenantId);
      // Nothing of it is posted, so it has no books.
      if (companyCode === null) return { records: [], next: null };
      const accounts = Object.values(glAccounts).map((one) => `GLAccount eq '${one.padStart(10, "0")}'`);
      const filter = `CompanyCode eq '${companyCode}' and PostingDate eq datetime'${day}T00:00:00' and (${accounts.join(" or ")})`;
      const page = await readCube(after ?? cubeAddress(url, filter), await basic(means), means);
      if ("refused" in page) return { code: String(page.refused.status) };
      return {
        records: page.items.map(({ reference, document, account, currency, amountMinor }) => ({
          // Without a reference it is no entry of ours, and the document is name enough.
          name: reference === "" ? document : reference,
          label: `${document} (${reference === "" ? "no reference" : reference})`,
          amounts: { [group(companyCode, currency, account)]: amountMinor },
        })),
        next: page.next,
      };
    },
    closesAfterMs: 3_600_000,
    days: 7,
    // A stage may have been changed within those days.
    togetherWith: ["sap-ledger", "sap-posting"],
  };
}

function amountsOf(
  companyCode: string | null,
  { currency, lines }: JournalEntry,
): Readonly<Record<string, number>> {
  const amounts: Record<string, number> = {};
  for (const { account, amountMinor } of lines) {
    const name = group(companyCode ?? "none", currency, glAccounts[account]);
    amounts[name] = (amounts[name] ?? 0) + amountMinor;
  }
  return amounts;
}

/** `1010 EUR 23200000` */
function group(companyCode: string, currency: string, account: string): string {
  return `${companyCode} ${currency} ${account}`;
}
