import assert from "node:assert/strict";
import { type HandOffTreaty, isHandOffTreaty } from "@entente/core";
import { treatiesWith } from "../../app/counterparties.ts";
import type { Stage } from "../../app/stage.ts";

/** The demo tenant's, and those of the conformance suite. */
const companyCodes = { demo: "1010", "conformance-a": "1010", "conformance-b": "1010" };

/** The treaty as Flux puts it together: with the ledger's own decision about which entry a fact asks for. */
export function fluxLedger(url: string, stage: Stage = "B"): HandOffTreaty {
  const [placed] = treatiesWith({ sap: { url, companyCodes } }, stage);
  assert.ok(placed !== undefined && isHandOffTreaty(placed.treaty));
  return placed.treaty;
}
