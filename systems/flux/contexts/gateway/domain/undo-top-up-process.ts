import type { Entry, JsonObject, ProcessDefinition, ProcessStep, ProcessView } from "@entente/core/model";
import { type TopUpRefused, topUpRefused } from "../../subscription/contract/top-up-refused.ts";
import { type TopUpUndone, topUpUndone, undoTopUp } from "../../subscription/contract/undo-top-up.ts";
import type { CustomerText, TextContext } from "./customer-text.ts";
import { type GivenBack, givenBackText } from "./given-back-text.ts";
import { moneyText } from "./money-text.ts";

const undoneStep = "debit-undone";
const refundStep = "refund-ordered";

/**
 * How an operator's undo of a top-up looks.
 *
 * | Fact | To |
 * | --- | --- |
 * | `flux.top-up-undone` | confirmed: debit undone, and the refund ordered where there was a charge |
 * | `flux.top-up-refused` | failed, with the refusal's code |
 * | `entente.command-parked`, `entente.command-discarded` | failed, `processing-failed` |
 *
 * It is confirmed by the undo, as a top-up of stage B is by its debit: the books and the payment provider follow. That the money is back is
 * told where it was charged, in the process of the top-up. Who ordered it and why, and the provider's name for the charge, are the operators' and
 * stand in the timeline alone.
 */
export const undoTopUpProcess: ProcessDefinition = {
  type: "undo-top-up",
  startedBy: undoTopUp.type,
  delayedAfterMs: 15_000,
  facts: [topUpUndone.type, topUpRefused.type, "entente.command-parked", "entente.command-discarded"],
  apply,
  repeats: (view, fact) =>
    fact.type === topUpUndone.type &&
    view.steps.some(({ name, at }) => name === undoneStep && at !== fact.occurredAt),
  about: ({ type, data }) =>
    type === undoTopUp.type || type === topUpUndone.type ? (data as TopUpUndone).undoneProcessId : null,
};

function apply(view: ProcessView, fact: Entry): ProcessView {
  if (view.state === "confirmed") return view;
  switch (fact.type) {
    case topUpUndone.type:
      return undone(fact);
    case topUpRefused.type: {
      const { code, reason } = fact.data as TopUpRefused;
      return { ...view, state: "failed", reason: { code, message: reason } };
    }
    default: {
      const message = `We could not complete this. Quote process ${fact.processId} to support.`;
      return { ...view, state: "failed", reason: { code: "processing-failed", message } };
    }
  }
}

function undone({ occurredAt: at, data }: Entry): ProcessView {
  const { by: _by, why: _why, accountId: _account, debitId: _debit, ...told } = data as TopUpUndone;
  const steps: ProcessStep[] = [{ name: undoneStep, state: "done", at }];
  if (told.refund !== null) steps.push({ name: refundStep, state: "done", at });
  const refund =
    told.refund === null ? null : { amountMinor: told.refund.amountMinor, currency: told.refund.currency };
  const outcome: JsonObject = { ...told, before: { ...told.before }, after: { ...told.after }, refund };
  return { state: "confirmed", steps, reason: null, outcome };
}

/** What is read of it. Pure and total. */
export function undoTopUpText(
  view: ProcessView,
  { processId, acceptedAt, delayed }: TextContext,
): CustomerText {
  switch (view.state) {
    case "confirmed":
      return { title: "Confirmed", text: confirmedText(view.outcome) };
    case "failed": {
      const message = view.reason?.message ?? "The top-up could not be undone.";
      return {
        title: "Failed",
        text: message.includes(processId) ? message : `${message} Process ${processId}.`,
      };
    }
    case "queued":
    case "processing": {
      const at = new Date(acceptedAt).toISOString();
      return {
        title: delayed ? "Delayed" : "Queued",
        text: `The undo of a top-up was stored at ${at} and is not done before it is confirmed.`,
      };
    }
  }
}

function confirmedText(outcome: JsonObject | null): string {
  if (outcome === null) return "The top-up was undone.";
  // From `undone` above, whose fact has all of it.
  const back = outcome as unknown as GivenBack & Pick<TopUpUndone, "refund">;
  const refund =
    back.refund === null
      ? ""
      : ` The charge of ${moneyText(back.refund.amountMinor, back.refund.currency)} is given back.`;
  return `The top-up was undone. ${givenBackText(back)}${refund}`;
}
