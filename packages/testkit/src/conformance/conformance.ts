import {
  type FollowingTreaty,
  type HandOffTreaty,
  isFollowingTreaty,
  isReadingTreaty,
  type ReadingTreaty,
} from "@entente/core";
import { type FollowingOptions, followingConformance } from "./following-conformance.ts";
import { handOffConformance } from "./hand-off-conformance.ts";
import { type ReadingOptions, readingConformance } from "./reading-conformance.ts";
import type { RecordsCounterparty } from "./records-counterparty.ts";
import type { TreatyCounterparty } from "./treaty-counterparty.ts";
import type { ConformanceOptions } from "./treaty-stage.ts";

/**
 * Registers the conformance suite of a treaty with `node:test`: eleven tests of the integration and nine behaviours of its counterparty, over the
 * real wire and on a real database (see testServer). Call it at the top of a test file. What is tested follows from the treaty's kind.
 * Guarantees, of a hand-off treaty: every test asserts on the end of its hand-offs and on what really happened over there: nothing completed
 * without its effect, nothing failed with it, nothing twice. With `batch`, every act of these tests is a batch of rows, and tests of its
 * own stand beside them. The owner of the treaty is the first of `factsFrom`.
 * Of one that follows: what the context was told of every record is what is over there, each change once, and nothing that is not so.
 * Of one that asks: every answer is what is over there at that moment, or is said to be old, or is none; and asking leaves no trace.
 * A test that cannot apply is reported as skipped, with the reason.
 * Bounds: one at a time per counterparty, which must be nobody else's meanwhile. Business time is moved, real time is waited for
 * only where an answer must fail to come (`answerWithinMs`), or where nothing must happen.
 * Not covered: the circuit, `tells`, `undoes`, `withdraws`, `totals` and the sending window of hand-offs; `budgets`; `quietMs` of feeds.
 * Source: requirements OMS-117 to OMS-136; docs/reference/treaty-conformance.md.
 */
export function conformance(
  treaty: HandOffTreaty,
  counterparty: TreatyCounterparty,
  options: ConformanceOptions,
): void;
export function conformance(
  treaty: FollowingTreaty,
  counterparty: RecordsCounterparty,
  options: FollowingOptions,
): void;
export function conformance(
  treaty: ReadingTreaty,
  counterparty: RecordsCounterparty,
  options: ReadingOptions,
): void;
export function conformance(
  treaty: HandOffTreaty | FollowingTreaty | ReadingTreaty,
  counterparty: TreatyCounterparty | RecordsCounterparty,
  options: ConformanceOptions | FollowingOptions | ReadingOptions,
): void {
  // That the three belong together is what the declarations above say.
  if (isFollowingTreaty(treaty))
    followingConformance(treaty, counterparty as RecordsCounterparty, options as FollowingOptions);
  else if (isReadingTreaty(treaty))
    readingConformance(treaty, counterparty as RecordsCounterparty, options as ReadingOptions);
  else handOffConformance(treaty, counterparty as TreatyCounterparty, options as ConformanceOptions);
}
