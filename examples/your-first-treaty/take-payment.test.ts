import type { HandOffTreaty } from "@entente/core";
import { conformance, controlledCounterparty } from "@entente/testkit";
import { takePayment } from "./take-payment.ts";

const counterparty = await controlledCounterparty("http://localhost:4010", {
  operation: "create-payment-intent",
  rejections: ["insufficient_funds", "expired_card"],
});

conformance(takePayment as HandOffTreaty, counterparty, {
  example: (id) => ({ type: "shop.order-placed", key: id, data: { orderId: id, amountMinor: 500 } }),
  secrets: { "api-key": "sk_test_entente" },
});
