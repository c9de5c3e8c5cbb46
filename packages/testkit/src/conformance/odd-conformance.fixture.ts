/** The suite as a user writes it: run by conformance.pg.test.ts in a process of its own, with one thing wrong or nothing. */
import { after } from "node:test";
import { conformance } from "./conformance.ts";
import { oddBatchTreaty } from "./odd-batch-treaty.fixture.ts";
import { startOdd, tokenOfOdd } from "./odd-counterparty.fixture.ts";
import { oddTreaty, type PlantedBug, plantedBugs } from "./odd-treaty.fixture.ts";

const bug = (process.env.PLANTED_BUG ?? "none") as PlantedBug;
const atOnce = process.env.WITHOUT_CALLBACKS === "1";
const callbackSecret = bug === "trusts unsigned callbacks" ? "" : "5f1c0a7e-of-the-tests";
const batches = process.env.BATCHES ?? null;
const odd = await startOdd({ callbackSecret, atOnce, batches: batches !== null });
after(() => odd.close());
const { callback, ...silent } = plantedBugs[bug](
  batches === null ? oddTreaty(odd.url) : oddBatchTreaty(odd.url, batches),
);

conformance(atOnce || callback === undefined ? silent : { ...silent, callback }, odd, {
  example: (id) => ({ type: "shop.paid", key: id, data: { orderId: id, units: 3 } }),
  secrets: { token: tokenOfOdd, "callback-secret": callbackSecret },
  answerWithinMs: 800,
  patienceMs: 4_000,
});
