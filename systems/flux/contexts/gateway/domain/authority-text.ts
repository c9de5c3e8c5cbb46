import type { JsonObject, ProcessView } from "@entente/core/model";
import type { CustomerText, TextContext } from "./customer-text.ts";
import { planOrderProcess } from "./plan-order-process.ts";
import { prospectProcess } from "./prospect-process.ts";
import { supportCaseProcess } from "./support-case-process.ts";

interface Words {
  /** `Your change of plan` */
  readonly subject: string;
  /** What is not so before it is confirmed. */
  readonly notYet: string;
  confirmed(outcome: JsonObject | null): string;
}

const wordsOf: Readonly<Record<string, Words>> = {
  [planOrderProcess.type]: {
    subject: "Your change of plan",
    notYet: "The present plan is in force until it is confirmed.",
    confirmed: (outcome) =>
      typeof outcome?.planId === "string"
        ? `You are on the plan ${outcome.planId} now.`
        : "Your change of plan is in force.",
  },
  [supportCaseProcess.type]: {
    subject: "Your support case",
    notYet: "It is not open before it is confirmed.",
    confirmed(outcome) {
      const number = referenceIn(outcome);
      return number === null
        ? "Your support case is open."
        : `Your support case is open. Its number is ${number}.`;
    },
  },
  [prospectProcess.type]: {
    subject: "The conversion of this prospect",
    notYet: "The prospect is no customer before it is confirmed.",
    confirmed: (outcome) =>
      typeof outcome?.accountId === "string"
        ? `The prospect is a customer with account ${outcome.accountId}.`
        : "The prospect is a customer.",
  },
};

/**
 * What the customer reads of a wish that lands at an authority first; null for a process of another type. Says "confirmed" after the
 * authority's word only. Pure and total.
 */
export function authorityText(type: string, view: ProcessView, context: TextContext): CustomerText | null {
  const words = Object.hasOwn(wordsOf, type) ? wordsOf[type] : undefined;
  if (words === undefined) return null;
  const { subject, notYet } = words;
  const at = new Date(context.acceptedAt).toISOString();
  switch (view.state) {
    case "confirmed":
      return { title: "Confirmed", text: words.confirmed(view.outcome) };
    case "failed": {
      const message = view.reason?.message ?? "This was not possible.";
      const text = message.includes(context.processId) ? message : `${message} Process ${context.processId}.`;
      return { title: "Failed", text };
    }
    case "queued":
    case "processing": {
      if (context.delayed) {
        const text = `${subject} is taking longer than usual. It was stored at ${at} and is not lost; there is no need to send it again. ${notYet}`;
        return { title: "Delayed", text };
      }
      if (view.state === "processing")
        return { title: "Processing", text: `${subject} is on its way. ${notYet}` };
      return { title: "Queued", text: `${subject} was stored at ${at}. ${notYet}` };
    }
  }
}

function referenceIn(outcome: JsonObject | null): string | null {
  const reference = outcome?.externalReference as { readonly value?: unknown } | null | undefined;
  return typeof reference?.value === "string" ? reference.value : null;
}
