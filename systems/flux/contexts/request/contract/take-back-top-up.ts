import { undoQuotaDebit } from "../../subscription/contract/undo-quota-debit.ts";

/** Command to the quota book: give back what the top-up took. As `flux.undo-quota-debit`, asked by the request. Ordering key: accountId. */
export const takeBackTopUp = {
  kind: "command",
  type: "flux.take-back-top-up",
  schemaVersion: "1.0.0",
  schema: undoQuotaDebit.schema,
  example: { ...undoQuotaDebit.example, reasonCode: "posting-given-up" },
} as const;
