import assert from "node:assert/strict";
import { type HandOffTreaty, isHandOffTreaty } from "@entente/core";
import { treatiesWith } from "../../app/counterparties.ts";

/** The treaty as Flux puts it together: with the ledger's own decision about which entry a fact asks for. */
export function fluxLedger(url: string): HandOffTreaty {
  const [placed] = treatiesWith({ sap: { url } });
  assert.ok(placed !== undefined && isHandOffTreaty(placed.treaty));
  return placed.treaty;
}
