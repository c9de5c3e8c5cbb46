import type { TreatyStyle } from "./contract-sheet.ts";
import { isFollowingTreaty, isReadingTreaty, type Treaty } from "./treaty.ts";

/** What a treaty says of itself and its kind cannot be. */
export interface Contradiction {
  /** Of the entry, such as `style.hasAnEffect`. */
  readonly path: string;
  /** In words, for its author. */
  readonly why: string;
}

/**
 * Where the answers to the six questions of style contradict the kind by which a treaty is executed; empty when they agree. Of the six only
 * those are held against it that leave no choice. Whether somebody waits, whether they may be away and whether the flow needs the result are
 * a matter of judgement for most kinds, and documented only.
 * Pure. Takes a treaty in which nothing is missing. Source: requirement OMS-23.
 */
export function contradictionsIn(treaty: Treaty): readonly Contradiction[] {
  const { style } = treaty;
  if (isReadingTreaty(treaty))
    return [...inReading(style, treaty.staleAllowedMs), ...actingMembersOf(treaty)];
  if (isFollowingTreaty(treaty)) return [...inFollowing(style), ...actingMembersOf(treaty)];
  return found([
    !style.hasAnEffect,
    "style.hasAnEffect",
    "what is handed off has an effect; what only reads is asked",
  ]);
}

function inReading(style: TreatyStyle, staleAllowedMs: number): readonly Contradiction[] {
  return found(
    [
      style.hasAnEffect,
      "style.hasAnEffect",
      "it is asked without a key and asked again at will; what has an effect is handed off",
    ],
    [
      style.runsLong,
      "style.runsLong",
      "its answer is its result, within timeoutMs; what is completed later is handed off",
    ],
    [
      style.staleAnswerWillDo && staleAllowedMs === 0,
      "style.staleAnswerWillDo",
      "staleAllowedMs is 0: no stale answer is ever given",
    ],
    [
      !style.staleAnswerWillDo && staleAllowedMs > 0,
      "style.staleAnswerWillDo",
      "staleAllowedMs is not 0: stale answers are given while they are away",
    ],
  );
}

function inFollowing(style: TreatyStyle): readonly Contradiction[] {
  return found(
    [
      style.hasAnEffect,
      "style.hasAnEffect",
      "it only hears what has changed; what has an effect is handed off",
    ],
    [
      style.userWaitsForTheAnswer,
      "style.userWaitsForTheAnswer",
      "nothing is asked: changes come when they come; what somebody waits for is a synchronous-query",
    ],
  );
}

/** Members of a treaty with an effect, in one loaded from elsewhere whose kind would never call them. */
const actingMembers = ["send", "inquire", "callback", "undoes"] as const;

function actingMembersOf(treaty: Treaty): readonly Contradiction[] {
  // As a record, because its type says that these are not there: whoever wrote it elsewhere may not have had the type.
  const given = treaty as unknown as Readonly<Record<string, unknown>>;
  const why = "never used: it belongs to a treaty whose act is completed later";
  return actingMembers.flatMap((path) => (given[path] === undefined ? [] : [{ path, why }]));
}

function found(
  ...rules: readonly (readonly [broken: boolean, path: string, why: string])[]
): Contradiction[] {
  return rules.flatMap(([broken, path, why]) => (broken ? [{ path, why }] : []));
}
