import type { Entry, ProcessDefinition, ProcessView } from "@entente/core/model";
import { accountOpened } from "../../subscription/contract/account-opened.ts";
import { changePlan } from "../../subscription/contract/change-plan.ts";
import { condenserRegistered } from "../../subscription/contract/condenser-registered.ts";
import { openAccount } from "../../subscription/contract/open-account.ts";
import { planChanged } from "../../subscription/contract/plan-changed.ts";
import {
  moveQuotaShare,
  quotaShareMoved,
  quotaShareRefused,
} from "../../subscription/contract/quota-keeper.ts";
import { registerCondenser } from "../../subscription/contract/register-condenser.ts";
import { topUpRefused } from "../../subscription/contract/top-up-refused.ts";

/** Processes of one step: a command that one fact confirms and one refuses. */
export const accountProcesses: readonly ProcessDefinition[] = [
  oneStep("open-account", openAccount.type, accountOpened.type, "account-opened"),
  oneStep("register-condenser", registerCondenser.type, condenserRegistered.type, "condenser-registered"),
  oneStep("change-plan", changePlan.type, planChanged.type, "plan-changed"),
];

/** An operator moves the share of accounts whose quota is decided here; where that is done at all. */
export const moveQuotaShareProcess: ProcessDefinition = oneStep(
  "move-quota-share",
  moveQuotaShare.type,
  quotaShareMoved.type,
  "quota-share-moved",
  quotaShareRefused.type,
);

function oneStep(
  type: string,
  startedBy: string,
  confirmedBy: string,
  step: string,
  refusedBy: string = topUpRefused.type,
): ProcessDefinition {
  return {
    type,
    startedBy,
    delayedAfterMs: 15_000,
    facts: [confirmedBy, refusedBy, "entente.command-parked", "entente.command-discarded"],
    apply(view: ProcessView, fact: Entry): ProcessView {
      if (fact.type === confirmedBy) {
        return {
          state: "confirmed",
          steps: [{ name: step, state: "done", at: fact.occurredAt }],
          reason: null,
          outcome: null,
        };
      }
      if (view.state === "confirmed") return view;
      if (fact.type === refusedBy) {
        const { code, reason } = fact.data as { readonly code: string; readonly reason: string };
        return { ...view, state: "failed", reason: { code, message: reason } };
      }
      if (fact.data["policy"] === "hold-key") return { ...view, state: "processing" };
      const message = `We could not complete this. Quote process ${fact.processId} to support.`;
      return { ...view, state: "failed", reason: { code: "processing-failed", message } };
    },
  };
}
