/** The payments treaty against the simulated provider, over its real interface: eleven tests and nine behaviours. */
import { after } from "node:test";
import { simulators } from "@entente/simulators";
import { conformance, controlledCounterparty } from "@entente/testkit";
import { registerWebhook } from "../../app/register-webhook.ts";
import { balanceDebited } from "../../contexts/subscription/contract/balance-debited.ts";
import { demoPayers } from "./payers.ts";
import { paymentsTreaty } from "./payments-treaty.ts";

const startPayments = await simulators.payments();
const provider = await startPayments({ seed: 7 });
after(() => provider.stop());

const apiKey = "sk_test_entente";
const secrets: Record<string, string> = { apiKey: apiKey, webhookSecret: "" };
const payer = { customer: null, paymentMethod: "pm_card_visa" };
const treaty = paymentsTreaty({
  url: provider.url,
  // The suite has tenants of its own.
  payerOf: (_tenantId, accountId) => demoPayers("demo", accountId) ?? payer,
  charging: { from: 0 },
});
const counterparty = await controlledCounterparty(provider.url, {
  operation: "create-payment-intent",
  async sendCallbacksTo(url) {
    secrets.webhookSecret = await registerWebhook({
      url: provider.url,
      apiKey,
      treaty: "payments-charge",
      callbackUrl: url,
    });
  },
});

conformance(treaty, counterparty, {
  example: (id) => ({
    type: balanceDebited.type,
    key: "acct-0001",
    data: { ...balanceDebited.example, processId: id },
  }),
  secrets,
});
