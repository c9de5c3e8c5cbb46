/** A journal entry as proposed by a caller, and as it stands in the books. */

export interface EntryLine {
  readonly kind: "account" | "customer" | "supplier" | "tax";
  /** Ten digits; of customers and suppliers the reconciliation account. */
  readonly account: string;
  /** Customer or supplier; empty for other lines. */
  readonly partner: string;
  /** Minor units, debit positive; null when what was sent is no amount. */
  readonly minor: number | null;
  readonly currency: string;
  /** `S` debit, `H` credit, or empty when only the sign says so. */
  readonly side: string;
  readonly text: string;
  /** AssignmentReference (ZUONR). */
  readonly assignment: string;
  readonly taxCode: string;
}

export interface ProposedEntry {
  /** DocumentReferenceID (XBLNR): the caller's own reference, the business key. */
  readonly reference: string;
  readonly companyCode: string;
  readonly documentType: string;
  /** As sent; checked when posted. */
  readonly documentDate: string;
  readonly postingDate: string;
  readonly headerText: string;
  readonly user: string;
  /** The caller's reference key (AWTYP, AWKEY, AWSYS); the key is empty when the ledger shall give one. */
  readonly objectType: string;
  readonly objectKey: string;
  readonly objectSystem: string;
  readonly lines: readonly EntryLine[];
  /** Object key of the document it reverses, and why; empty for ordinary entries. */
  readonly reverses: string;
  readonly reversalReason: string;
}

export interface PostedLine extends EntryLine {
  readonly minor: number;
  readonly side: "S" | "H";
}

/** A document in the books. Only `reversedBy` ever changes, from null, once. */
export interface PostedDocument {
  readonly number: string;
  readonly companyCode: string;
  readonly year: string;
  /** `2026-11` */
  readonly period: string;
  readonly documentDate: string;
  readonly postingDate: string;
  readonly reference: string;
  readonly documentType: string;
  readonly headerText: string;
  readonly user: string;
  readonly objectType: string;
  /** AWKEY: number, company code and year run together unless the caller gave one. */
  readonly objectKey: string;
  readonly objectSystem: string;
  readonly lines: readonly PostedLine[];
  /** Object keys. */
  readonly reverses: string | null;
  readonly reversalReason: string;
  reversedBy: string | null;
  /** Simulator's time, epoch milliseconds. */
  readonly postedAt: number;
}
