import type { Behaviour, BehaviourName, BehaviourOf } from "./behaviour.ts";
import type { Control } from "./control.ts";
import type { Effect, MutableCall } from "./logs.ts";
import type { Subject } from "./rule-book.ts";

/** What a handler names of an effect; the rest is known from the call. */
export interface EffectOfCall extends Pick<Effect, "id" | "amount" | "currency"> {
  /** When it is not the call's own operation or first key: one line of a batch. */
  readonly operation?: string;
  readonly key?: string | null;
}

/** One request under simulation: `request.call` in every handler. */
export interface ReceivedCall {
  /** Its number in the call log. */
  readonly n: number;
  readonly subject: Subject;
  /** What was chosen for it; null: its duty. */
  readonly behaviour: Behaviour | null;
  /** The behaviour, if it is this one. */
  under<Name extends BehaviourName>(name: Name): BehaviourOf<Name> | null;
  /** Writes the ground truth: call it once for each thing that has really happened, when it has. */
  effect(effect: EffectOfCall): void;
}

/** The call as the traffic hooks see it. */
export interface CallUnderWay extends ReceivedCall {
  readonly row: MutableCall;
  subject: Subject;
  behaviour: Behaviour | null;
  /** A rule gave the answer; it is not to be changed once more. */
  answeredByRule: boolean;
  /** It got as far as its handler, which is the one to answer. */
  reachedHandler: boolean;
}

export function openCall(control: Control, row: MutableCall): CallUnderWay {
  const call: CallUnderWay = {
    n: row.n,
    row,
    subject: { operation: null, keys: [] },
    behaviour: null,
    answeredByRule: false,
    reachedHandler: false,
    under: <Name extends BehaviourName>(name: Name) =>
      call.behaviour?.behaviour === name ? (call.behaviour as BehaviourOf<Name>) : null,
    effect({ operation = call.subject.operation ?? "unknown", key, ...rest }) {
      row.effect = true;
      const { keys } = call.subject;
      const named = key === undefined ? namesOf(keys) : { key };
      control.effect({ operation, ...named, ...rest, call: row.n });
    },
  };
  return call;
}

/** Keys as logs show them. */
export function namesOf(keys: readonly string[]): { key: string | null; keys?: readonly string[] } {
  return { key: keys[0] ?? null, ...(keys.length > 1 ? { keys } : {}) };
}
