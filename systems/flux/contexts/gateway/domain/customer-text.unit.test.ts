import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type JsonObject, type ProcessView, queuedProcess } from "@entente/core/model";
import { customerText, type TextContext } from "./customer-text.ts";

const context: TextContext = {
  processId: "p-1",
  acceptedAt: Date.parse("2026-11-10T10:00:00Z"),
  delayed: false,
  expectedWaitSeconds: 3,
};

const processing: ProcessView = { ...queuedProcess, state: "processing" };

function confirmedWith(outcome: JsonObject | null): string {
  const { title, text } = customerText({ ...queuedProcess, state: "confirmed", outcome }, context);
  assert.equal(title, "Confirmed");
  return text;
}

function failedWith(message: string | null): string {
  const reason = message === null ? null : { code: "x", message };
  const { title, text } = customerText({ ...queuedProcess, state: "failed", reason }, context);
  assert.equal(title, "Failed");
  return text;
}

describe("the customer reads", () => {
  test("Queued: that it is stored, since when, and the expected wait", () => {
    assert.deepEqual(customerText(queuedProcess, context), {
      title: "Queued",
      text: "Your top-up was stored at 2026-11-10T10:00:00.000Z and will be carried out in order. Expected wait: about 3 s.",
    });
  });

  test("Processing: that it is under way, and no wait when nobody can say", () => {
    assert.deepEqual(customerText(processing, { ...context, expectedWaitSeconds: null }), {
      title: "Processing",
      text: "Your top-up is being carried out.",
    });
  });

  test("Delayed, queued or processing: that it takes longer than usual and is not lost", () => {
    for (const view of [queuedProcess, processing]) {
      const { title, text } = customerText(view, { ...context, delayed: true });
      assert.equal(title, "Delayed");
      assert.match(text, /longer than usual.*2026-11-10T10:00:00.000Z.*not lost.*about 3 s/);
    }
  });

  test("Confirmed: what was delivered and what is left", () => {
    const outcome = {
      units: 25,
      fundedOnDemand: 0,
      onDemandAmountMinor: 0,
      currency: "EUR",
      quotaRemaining: 75,
    };
    assert.equal(confirmedWith(outcome), "25 units delivered. 75 units left in this month's quota.");
  });

  for (const [currency, amountMinor, money] of [
    ["EUR", 125, "EUR 1.25"],
    ["PLN", 1_000_000_000_001, "PLN 10,000,000,000.01"],
    ["JPY", 125, "JPY 125"],
  ] as const) {
    test(`Confirmed: what was paid on demand, exactly, in ${currency}`, () => {
      const outcome = { units: 25, fundedOnDemand: 5, onDemandAmountMinor: amountMinor, currency };
      assert.equal(
        confirmedWith({ ...outcome, quotaRemaining: 0 }),
        `25 units delivered. 5 of them on demand for ${money}. 0 units left in this month's quota.`,
      );
    });
  }

  test("Confirmed: even when the outcome is not known here", () => {
    assert.equal(confirmedWith(null), "Your top-up is complete.");
  });

  test("Failed: the plain reason and the process, named once", () => {
    assert.equal(
      failedWith("No such car. Nothing was charged."),
      "No such car. Nothing was charged. Process p-1.",
    );
    assert.equal(failedWith("Quote process p-1 to support."), "Quote process p-1 to support.");
    assert.equal(failedWith(null), "This top-up was not possible. Process p-1.");
  });

  test("a final state as final, delayed or not", () => {
    const confirmed = { ...queuedProcess, state: "confirmed" } as const;
    assert.equal(customerText(confirmed, { ...context, delayed: true }).title, "Confirmed");
  });
});
