import type { BatchWindow } from "./ledger/batch-window.ts";
import type { DuplicateChecks } from "./ledger/ledger.ts";

/** Where confirmations of asynchronous postings go. */
export interface ConfirmationAddress {
  readonly url: string;
  /** Basic authentication, when the receiver wants it. */
  readonly user?: string;
  readonly password?: string;
}

/** How this system is set up. The defaults are the worst case: it recognizes no repeat of any kind. */
export interface Settings {
  /** Same DocumentReferenceID in a company code is refused. */
  readonly duplicateReference: boolean;
  /** Same reference key (type, key, system), where the caller gives one, is refused. */
  readonly duplicateObjectKey: boolean;
  /** Same MessageHeader/UUID of a SOAP message is answered as before, without a second effect. */
  readonly repeatedMessageUuid: boolean;
  /** Same MessageHeader/ID of an asynchronous message is refused. */
  readonly repeatedMessageId: boolean;
  /** Same RequestID header of an OData change is answered as before. */
  readonly repeatableRequests: boolean;
  /** How long first answers are kept for the two settings before this. A later RequestID is refused, a later UUID is new. */
  readonly rememberMs: number;
  /** Hours in which postings are taken; null: always. */
  readonly batchWindow: BatchWindow | null;
  /** Null: no confirmations, the caller has to ask. */
  readonly confirmation: ConfirmationAddress | null;
  /** From receipt of an asynchronous message or IDoc to its posting; by the simulator's clock. */
  readonly processingMs: number;
  /** Rows in a page of OData; more follow by `__next`. */
  readonly pageSize: number;
}

export const defaultSettings: Settings = {
  duplicateReference: false,
  duplicateObjectKey: false,
  repeatedMessageUuid: false,
  repeatedMessageId: false,
  repeatableRequests: false,
  rememberMs: 12 * 3_600_000,
  batchWindow: null,
  confirmation: null,
  processingMs: 50,
  pageSize: 1_000,
};

export function duplicateChecks({ duplicateReference, duplicateObjectKey }: Settings): DuplicateChecks {
  return { reference: duplicateReference, objectKey: duplicateObjectKey };
}
