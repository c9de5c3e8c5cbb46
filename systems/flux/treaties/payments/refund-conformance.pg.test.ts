/** The refund treaty against the simulated provider, over its real interface: eleven tests and nine behaviours. */
import { after } from "node:test";
import type { HandOffTreaty } from "@entente/core";
import { simulators } from "@entente/simulators";
import { conformance, controlledCounterparty } from "@entente/testkit";
import { registerWebhook } from "../../app/register-webhook.ts";
import { type TopUpCharged, topUpCharged } from "../../contexts/subscription/contract/charge.ts";
import type { RefundRequest } from "./refund-news.ts";
import { refundTreaty } from "./refund-treaty.ts";

const startPayments = await simulators.payments();
const provider = await startPayments({ seed: 8 });
after(() => provider.stop());

const apiKey = "sk_test_entente";
const secrets: Record<string, string> = { apiKey, refundWebhookSecret: "" };
const counterparty = await controlledCounterparty(provider.url, {
  operation: "create-refund",
  // `charge_already_refunded` is no refusal to us: the money is back.
  rejections: ["charge_disputed", "balance_insufficient"],
  async sendCallbacksTo(callbackUrl) {
    const treaty = "payments-refund";
    secrets.refundWebhookSecret = await registerWebhook({ url: provider.url, apiKey, treaty, callbackUrl });
  },
});

/** Payments that were made, one for each act that the suite may ask for. */
const charges = await Promise.all(Array.from({ length: 150 }, makePayment));
const chargeOf = new Map<string, string>();

/** The same for the same act, and another for the same act of another tenant. */
function chargeFor(act: string): string {
  const charge = chargeOf.get(act) ?? charges.pop();
  if (charge === undefined) throw new Error("the suite asks for more refunds than there are payments");
  chargeOf.set(act, charge);
  return charge;
}

async function makePayment(): Promise<string> {
  const response = await fetch(new URL("/v1/payment_intents", provider.url), {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}` },
    body: new URLSearchParams({
      amount: "125",
      currency: "eur",
      payment_method: "pm_card_visa",
      confirm: "true",
      "automatic_payment_methods[enabled]": "true",
      "automatic_payment_methods[allow_redirects]": "never",
    }),
  });
  return ((await response.json()) as { id: string }).id;
}

/** Nothing asks for a refund but the charge it undoes, which is not here: in the suite a fact of the charge does. */
const asked: HandOffTreaty = {
  ...refundTreaty({ url: provider.url }),
  facts: [topUpCharged.type],
  request({ tenantId, data }) {
    const { accountId, processId, amountMinor, currency } = data as TopUpCharged;
    const chargeReference = chargeFor(`${tenantId} ${processId}`);
    const request: RefundRequest = { accountId, processId, amountMinor, currency, chargeReference };
    return [{ aggregateType: "charge", aggregateId: chargeReference, line: null, data: request }];
  },
};

conformance(asked, counterparty, {
  example: (id) => ({
    type: topUpCharged.type,
    key: "acct-0001",
    data: { ...topUpCharged.example, processId: id },
  }),
  secrets,
});
