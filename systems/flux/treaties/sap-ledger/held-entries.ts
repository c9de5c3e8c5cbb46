import type { DispatchRow, Means } from "@entente/core";
import type { JournalEntry } from "../../contexts/ledger/contract/journal-entry.ts";
import { type Confirmation, readConfirmation } from "./confirmation.ts";
import type { CubeItem } from "./item-cube.ts";
import { glAccounts } from "./journal-entry-message.ts";
import { readBack } from "./read-back.ts";
import { referenceOf } from "./references.ts";

/** With these SAP says that a document with the reference is in the books; not whether it is this entry. */
export const duplicateCodes: ReadonlySet<string> = new Set(["117(F5)", "611(RW)"]);

export type Held = "same" | "other";

/**
 * Of the rows that were refused as duplicates: whether the document they have is this very entry, by reference. What cannot be read
 * or is not there is left out, and stays open. Reads only.
 */
export async function heldEntries(
  url: string,
  companyCode: string,
  rows: readonly DispatchRow<JournalEntry>[],
  confirmation: string,
  authorization: string,
  means: Means,
): Promise<Readonly<Record<string, Held>>> {
  const refused = duplicatesIn(confirmation);
  const suspects = rows.filter(({ idempotencyKey }) => refused.has(referenceOf(idempotencyKey)));
  if (suspects.length === 0) return {};
  const found = await readBack(
    url,
    companyCode,
    suspects.map(({ idempotencyKey }) => referenceOf(idempotencyKey)),
    authorization,
    means,
    // The answer to the sending has come: a question that fails takes nothing from it.
  ).catch(() => null);
  if (found === null || "refused" in found) return {};
  const byReference = Map.groupBy(found.items, ({ reference }) => reference);
  return Object.fromEntries(
    suspects.flatMap(({ idempotencyKey, data }) => {
      const reference = referenceOf(idempotencyKey);
      const items = byReference.get(reference);
      return items === undefined ? [] : [[reference, isEntry(data, items) ? "same" : "other"] as const];
    }),
  );
}

function duplicatesIn(text: string): ReadonlySet<string> {
  let confirmation: Confirmation;
  try {
    confirmation = readConfirmation(text);
  } catch {
    // What cannot be read is `translate`'s to say.
    return new Set();
  }
  const entries = "entries" in confirmation ? confirmation.entries : [];
  return new Set(
    entries.filter(({ code }) => code !== null && duplicateCodes.has(code)).map(({ reference }) => reference),
  );
}

/** One document, of the same day, with the same lines. Pure. */
export function isEntry(entry: JournalEntry, items: readonly CubeItem[]): boolean {
  const documents = new Set(items.map(({ document }) => document));
  const days = new Set(items.map(({ postingDate }) => postingDate));
  const lines = (all: readonly string[]): string => [...all].sort().join();
  const ours = entry.lines.map((line) => `${glAccounts[line.account]} ${entry.currency} ${line.amountMinor}`);
  const theirs = items.map(({ account, currency, amountMinor }) => `${account} ${currency} ${amountMinor}`);
  return (
    documents.size === 1 && days.size === 1 && days.has(entry.postingDate) && lines(ours) === lines(theirs)
  );
}
