import { type Behaviour, type BehaviourName, isAboutCallbacks } from "./behaviour.ts";
import type { Rule } from "./rule.ts";
import { type SeededRandom, seededRandom } from "./seeded-random.ts";
import { canBeRejected, type SystemDescription } from "./system-description.ts";

/** A request as rules see it. */
export interface Subject {
  /** Null: none that the system knows. No rule is about it. */
  readonly operation: string | null;
  /** Business keys and idempotency keys it carries. */
  readonly keys: readonly string[];
}

export interface RuleInBook extends Rule {
  readonly id: string;
  /** How often it was applied. */
  readonly applied: number;
}

/** The rules of one simulator, oldest first. */
export interface RuleBook {
  add(rule: Rule): RuleInBook;
  list(): readonly RuleInBook[];
  /** False when there is no such rule. */
  remove(id: string): boolean;
  removeAll(): void;
  /** As new: no rules, numbers from 1, shares drawn from this seed. */
  reset(seed: number): void;
  /**
   * The behaviour for a request: that of the first rule that matches, which counts as applied; null when none does.
   * A rule matches only what its behaviour can happen to: callbacks that follow, refusals that are possible.
   */
  choose(subject: Subject): Behaviour | null;
  /**
   * The reason to refuse one part of a request whose operation is `inParts`, under the part's own keys; null: none.
   * Only rejections are asked, and successes, which make exceptions from them.
   */
  chooseForPart(subject: Subject): string | null;
}

export function openRuleBook(system: SystemDescription, firstSeed: number): RuleBook {
  let seed = firstSeed;
  let rules: { readonly rule: Rule; readonly id: string; readonly random: SeededRandom; applied: number }[] =
    [];
  let added = 0;
  const shown = ({ rule, id, applied }: (typeof rules)[number]): RuleInBook => ({ ...rule, id, applied });

  type Of = (name: BehaviourName) => boolean;
  const all: Of = () => true;

  /** The first rule for a request among those that fit; it is one more time applied, if it counts. */
  function first(subject: Subject, fits: Of, counts: Of): Behaviour | null {
    const { operation } = subject;
    if (operation === null) return null;
    for (const entry of rules) {
      const { rule, random } = entry;
      if (rule.times !== null && entry.applied >= rule.times) continue;
      if (!fits(rule.behaviour.behaviour) || !isFor(rule, operation, subject.keys)) continue;
      if (!canHappen(rule.behaviour, operation, system)) continue;
      if (rule.when.share !== undefined && random.next() >= rule.when.share) continue;
      if (counts(rule.behaviour.behaviour)) entry.applied += 1;
      return rule.behaviour;
    }
    return null;
  }

  return {
    add(rule) {
      added += 1;
      const id = `rule-${added}`;
      // Its own stream of randomness: its share falls on the same requests whatever other rules draw.
      const entry = { rule, id, random: seededRandom(seed, id), applied: 0 };
      rules.push(entry);
      return shown(entry);
    },
    list: () => rules.map(shown),
    remove(id) {
      const before = rules.length;
      rules = rules.filter((one) => one.id !== id);
      return rules.length < before;
    },
    removeAll() {
      rules = [];
    },
    reset(next) {
      rules = [];
      added = 0;
      seed = next;
    },
    choose(subject) {
      const inParts = subject.operation !== null && system.operations[subject.operation]?.inParts === true;
      if (!inParts) return first(subject, all, all);
      // An exception made for the request as a whole is made, and counted, for each of its parts.
      return first(
        subject,
        (name) => name !== "rejection",
        (name) => name !== "success",
      );
    },
    chooseForPart(subject) {
      const chosen = first(subject, (name) => name === "rejection" || name === "success", all);
      return chosen?.behaviour === "rejection" ? chosen.reason : null;
    },
  };
}

function isFor({ when }: Rule, operation: string, keys: readonly string[]): boolean {
  if (when.operation !== undefined && when.operation !== operation) return false;
  return when.key === undefined || keys.includes(when.key);
}

/** Whether the behaviour can happen to the operation: a refusal that is possible, a callback that follows. */
export function canHappen(behaviour: Behaviour, operation: string, system: SystemDescription): boolean {
  if (behaviour.behaviour === "rejection") return canBeRejected(system, operation, behaviour.reason);
  if (!isAboutCallbacks(behaviour.behaviour)) return true;
  return system.operations[operation]?.callback === true;
}
