/**
 * The life of a hand-off: one act we ask of a system that is not ours, from the stored intention to an end that nobody guessed.
 * Pure: state, observation and limits give moves. Only the moves named here exist. States and moves: docs/states/hand-off.md.
 */

export type HandOffState =
  | "created"
  | "sent"
  | "accepted"
  | "completed"
  | "rejected"
  | "unknown"
  | "retry_wait"
  | "blocked"
  | "fallout"
  | "cancelled";

/** Every move there is, by name. */
export const handOffMoves = {
  dispatch: { from: "created", to: "sent" },
  withdraw: { from: "created", to: "cancelled" },
  "take-in": { from: "sent", to: "accepted" },
  refuse: { from: "sent", to: "rejected" },
  lose: { from: "sent", to: "unknown" },
  "put-off": { from: "sent", to: "retry_wait" },
  block: { from: "sent", to: "blocked" },
  redispatch: { from: "retry_wait", to: "sent" },
  exhaust: { from: "retry_wait", to: "fallout" },
  complete: { from: "accepted", to: "completed" },
  "refuse-late": { from: "accepted", to: "rejected" },
  overdue: { from: "accepted", to: "unknown" },
  "find-accepted": { from: "unknown", to: "accepted" },
  "find-completed": { from: "unknown", to: "completed" },
  "find-rejected": { from: "unknown", to: "rejected" },
  "find-not-done": { from: "unknown", to: "retry_wait" },
  "hand-to-person": { from: "unknown", to: "fallout" },
  unblock: { from: "blocked", to: "sent" },
  escalate: { from: "rejected", to: "fallout" },
  "try-anew": { from: "fallout", to: "sent" },
  "prove-completed": { from: "fallout", to: "completed" },
  "give-up": { from: "fallout", to: "cancelled" },
} as const satisfies Readonly<Record<string, { readonly from: HandOffState; readonly to: HandOffState }>>;

export type MoveName = keyof typeof handOffMoves;

/** What decides the next move. The stored record has more: hand-off-record.ts. */
export interface HandOffLife {
  readonly state: HandOffState;
  /** Business attempt, part of the key: 1 and up. Rises by a person's decision only. */
  readonly attempt: number;
  /** Sendings under the present key. */
  readonly tries: number;
  /** A sending under the present key may have had its effect, for all we know. */
  readonly doubt: boolean;
  /** The authority told us that the effect happened. Never forgotten. */
  readonly effectKnown: boolean;
  /** We do not want it any more; what turns out done must be undone. */
  readonly withdrawn: boolean;
  /** A person decided for a new attempt. */
  readonly released: boolean;
}

export const newHandOff: HandOffLife = {
  state: "created",
  attempt: 1,
  tries: 0,
  doubt: false,
  effectKnown: false,
  withdrawn: false,
  released: false,
};

/** What was learnt about the effect. `not-done` is a proof that it did not happen; `unclear` proves nothing. */
export type Finding =
  | "accepted"
  | "completed"
  | "rejected"
  | "not-done"
  | "unclear"
  | "blocked"
  | "conflict"
  | "unclassified";

/** Who says so: the answer to a sending, a callback, the answer to a question, or a person with evidence. */
export type Witness = "answer" | "callback" | "inquiry" | "person";

export type Observation =
  /** The courier is about to send; stored before it does. */
  | { readonly what: "dispatched" }
  | { readonly what: "found"; readonly by: Witness; readonly finding: Finding }
  /** Nobody is left who could hear the answer of the sending under way. */
  | { readonly what: "courier-lost" }
  /** The time for the result is over. */
  | { readonly what: "overdue" }
  /** The time to find out by ourselves is over. */
  | { readonly what: "person-due" }
  /** Our side wants it no more. */
  | { readonly what: "withdrawn" }
  /** Of a batch nothing is left to be sent: every row has an outcome, and some have happened. */
  | { readonly what: "rows-done" }
  /** A person decided. */
  | { readonly what: "decided"; readonly decision: "try-anew" | "give-up" | "escalate" };

export interface HandOffLimits {
  /** Sendings under one key before it goes to a person (1..100). */
  readonly triesAllowed: number;
}

/**
 * - `moved`: one move or more;
 * - `noted`: something was learnt, the state stays;
 * - `stale`: says nothing new;
 * - `impossible`: contradicts what we know; a person must look;
 * - `refused`: not allowed now.
 */
export type Verdict = "moved" | "noted" | "stale" | "impossible" | "refused";

export interface Advance {
  readonly verdict: Verdict;
  readonly moves: readonly MoveName[];
  readonly life: HandOffLife;
  /** An effect exists that we do not want: undo it or hand it to a person. */
  readonly unwanted: boolean;
}

/** Applies one observation. Total: any observation in any state has a verdict. */
export function advance(life: HandOffLife, observation: Observation, limits: HandOffLimits): Advance {
  switch (observation.what) {
    case "dispatched":
      return dispatched(life);
    case "found":
      return found(life, observation.finding, observation.by, limits);
    case "courier-lost":
      return life.state === "sent" ? moved(life, ["lose"]) : stays(life, "stale");
    case "overdue":
      return life.state === "accepted" ? moved(life, ["overdue"]) : stays(life, "stale");
    case "person-due":
      if (life.state === "unknown") return moved(life, ["hand-to-person"]);
      return life.state === "retry_wait" ? moved(life, ["exhaust"]) : stays(life, "stale");
    case "withdrawn":
      return withdrawn(life);
    case "rows-done":
      return rowsDone(life);
    case "decided":
      return decided(life, observation.decision);
  }
}

/** True when the courier may send it. */
export function isDispatchable(life: HandOffLife): boolean {
  if (life.withdrawn || life.doubt || life.effectKnown) return false;
  if (life.state === "fallout") return life.released;
  return life.state === "created" || life.state === "retry_wait" || life.state === "blocked";
}

const wayOut: Partial<Record<HandOffState, MoveName>> = {
  created: "dispatch",
  retry_wait: "redispatch",
  blocked: "unblock",
  fallout: "try-anew",
};

function dispatched(life: HandOffLife): Advance {
  const move = wayOut[life.state];
  if (move === undefined || !isDispatchable(life)) return stays(life, "refused");
  return moved({ ...life, tries: life.tries + 1, doubt: true, released: false }, [move]);
}

function found(life: HandOffLife, finding: Finding, by: Witness, limits: HandOffLimits): Advance {
  switch (life.state) {
    case "created":
    case "blocked":
      // Nothing of ours is out there: whoever speaks of a result speaks of something else.
      return stays(life, tellsOfResult(finding) ? "impossible" : "stale");
    case "sent":
      return foundWhileSent(life, finding, by, limits);
    case "accepted":
      return foundWhileAccepted(life, finding, by);
    case "unknown":
      return foundWhileUnknown(life, finding, by, limits);
    case "retry_wait":
      if (by === "answer") return stays(life, "stale");
      if (finding === "completed") return moved(effect(life), ["exhaust", "prove-completed"]);
      if (finding === "accepted" || finding === "conflict") return moved(doubtful(life), ["exhaust"]);
      return finding === "rejected" ? moved(life, ["exhaust"]) : stays(life, "stale");
    case "rejected":
      if (finding === "completed") return moved(effect(life), ["escalate"]);
      if (finding === "accepted") return moved(doubtful(life), ["escalate"]);
      return stays(life, "stale");
    case "fallout":
      return foundInFallout(life, finding, by);
    case "completed":
      return stays(life, finding === "rejected" || finding === "conflict" ? "impossible" : "stale");
    case "cancelled":
      if (!tellsOfEffect(finding)) return stays(life, "stale");
      // It keeps its end, under which the store holds no known effect; a person has it from here, or what undoes it.
      return { ...stays(life, "impossible"), unwanted: finding === "completed" };
  }
}

function foundWhileSent(life: HandOffLife, finding: Finding, by: Witness, limits: HandOffLimits): Advance {
  switch (finding) {
    case "accepted":
      return moved(life, ["take-in"]);
    case "completed":
      return moved(effect(life), ["take-in", "complete"]);
    case "rejected":
      return moved(certain(life), ["refuse"]);
    case "conflict":
      return moved(life, ["refuse", "escalate"]);
    default:
  }
  // The rest is about the sending itself, which only its own answer can speak of: a question asked meanwhile proves nothing.
  if (by !== "answer") return stays(life, "stale");
  switch (finding) {
    case "not-done":
      return afterNotDone(life, ["put-off"], limits);
    case "blocked":
      // Refused at the door: it does not use up a try.
      return moved(certain({ ...life, tries: life.tries - 1 }), ["block"]);
    case "unclassified":
      return moved(life, ["lose", "hand-to-person"]);
    default:
      return moved(life, ["lose"]);
  }
}

function foundWhileAccepted(life: HandOffLife, finding: Finding, by: Witness): Advance {
  if (by === "answer" && !tellsOfResult(finding)) return stays(life, "stale");
  switch (finding) {
    case "completed":
      return moved(effect(life), ["complete"]);
    case "rejected":
      return moved(certain(life), ["refuse-late"]);
    case "conflict":
      return stays(life, "impossible");
    case "unclassified":
      return moved(life, ["overdue", "hand-to-person"]);
    case "not-done":
      // They had it and know nothing of it now. One such answer is too little to send it again.
      return moved(life, ["overdue"]);
    default:
      return stays(life, "stale");
  }
}

function foundWhileUnknown(life: HandOffLife, finding: Finding, by: Witness, limits: HandOffLimits): Advance {
  // An answer that comes after nobody waited for it any more belongs to a courier that was given up.
  if (by === "answer") return stays(life, "stale");
  switch (finding) {
    case "accepted":
      return moved(life, ["find-accepted"]);
    case "completed":
      return moved(effect(life), ["find-completed"]);
    case "rejected":
      return moved(certain(life), ["find-rejected"]);
    case "conflict":
      return moved(life, ["find-rejected", "escalate"]);
    case "not-done":
      return by === "callback" ? stays(life, "stale") : afterNotDone(life, ["find-not-done"], limits);
    case "unclassified":
      return moved(life, ["hand-to-person"]);
    default:
      return stays(life, "stale");
  }
}

function foundInFallout(life: HandOffLife, finding: Finding, by: Witness): Advance {
  if (by === "answer") return stays(life, "stale");
  if (finding === "completed") return moved(effect(life), ["prove-completed"]);
  if (finding === "accepted") return stays(doubtful(life), "noted");
  if (finding === "rejected" || finding === "not-done") {
    if (life.effectKnown) return stays(life, "impossible");
    return stays(certain(life), life.doubt ? "noted" : "stale");
  }
  return stays(life, "stale");
}

/** It did not happen: again later, or to a person when it was tried often enough, or to its end when nobody wants it. */
function afterNotDone(life: HandOffLife, moves: readonly MoveName[], limits: HandOffLimits): Advance {
  if (life.withdrawn) return moved(certain(life), [...moves, "exhaust", "give-up"]);
  return moved(certain(life), life.tries < limits.triesAllowed ? moves : [...moves, "exhaust"]);
}

function withdrawn(life: HandOffLife): Advance {
  if (life.withdrawn) return stays(life, "stale");
  const unwanted = { ...life, withdrawn: true };
  switch (life.state) {
    case "created":
      return moved(unwanted, ["withdraw"]);
    case "retry_wait":
      return moved(unwanted, ["exhaust", "give-up"]);
    case "blocked":
      // O3 has no shorter way; nothing is sent on it.
      return moved(unwanted, ["unblock", "put-off", "exhaust", "give-up"]);
    case "completed":
      return { ...stays(unwanted, "noted"), unwanted: true };
    case "fallout":
      return life.doubt || life.effectKnown ? stays(unwanted, "noted") : moved(unwanted, ["give-up"]);
    case "cancelled":
      return stays(life, "stale");
    default:
      // Also when it was refused: nobody may send it anew for somebody who wants it no more.
      return stays(unwanted, "noted");
  }
}

const waysToDone: Partial<Record<HandOffState, readonly MoveName[]>> = {
  retry_wait: ["exhaust", "prove-completed"],
  // O3 has no shorter way; nothing is sent on it.
  blocked: ["unblock", "take-in", "complete"],
  rejected: ["escalate", "prove-completed"],
  fallout: ["prove-completed"],
};

function rowsDone(life: HandOffLife): Advance {
  const moves = waysToDone[life.state];
  return moves === undefined || life.doubt ? stays(life, "refused") : moved(effect(life), moves);
}

function decided(life: HandOffLife, decision: "try-anew" | "give-up" | "escalate"): Advance {
  if (decision === "escalate") {
    return life.state === "rejected" ? moved(life, ["escalate"]) : stays(life, "refused");
  }
  if (life.state !== "fallout" || life.doubt || life.effectKnown) return stays(life, "refused");
  if (decision === "give-up") return moved({ ...life, released: false }, ["give-up"]);
  if (life.released || life.withdrawn) return stays(life, "refused");
  return stays({ ...life, attempt: life.attempt + 1, tries: 0, released: true }, "noted");
}

function moved(life: HandOffLife, moves: readonly MoveName[]): Advance {
  const last = moves.at(-1) as MoveName;
  const next = { ...life, state: handOffMoves[last].to };
  const unwanted = next.state === "completed" && next.withdrawn;
  return { verdict: "moved", moves, life: next, unwanted };
}

function stays(life: HandOffLife, verdict: Verdict): Advance {
  return { verdict, moves: [], life, unwanted: false };
}

function effect(life: HandOffLife): HandOffLife {
  return { ...life, effectKnown: true, doubt: false, released: false };
}

function certain(life: HandOffLife): HandOffLife {
  return { ...life, doubt: false };
}

function doubtful(life: HandOffLife): HandOffLife {
  return { ...life, doubt: true, released: false };
}

function tellsOfEffect(finding: Finding): boolean {
  return finding === "accepted" || finding === "completed";
}

function tellsOfResult(finding: Finding): boolean {
  return tellsOfEffect(finding) || finding === "rejected" || finding === "conflict";
}

/** Nothing more is expected of the counterparty. A case may still be open for a person. */
export function isSettled(state: HandOffState): boolean {
  return state === "completed" || state === "cancelled" || state === "rejected" || state === "fallout";
}
