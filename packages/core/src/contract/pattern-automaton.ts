import { type CharacterSet, lastCodePoint, type PatternNode, parsePattern } from "./pattern.ts";

/**
 * A pattern as a non-deterministic automaton over code points. It accepts the texts in which the pattern is found, as
 * `RegExp.test` does, so an unanchored pattern has loops over every character at both ends.
 */
export interface Automaton {
  readonly sets: readonly CharacterSet[];
  /** States before the first character. */
  start(): readonly number[];
  after(states: readonly number[], character: number): readonly number[];
  accepts(states: readonly number[], atStart: boolean): boolean;
}

type Edge =
  | { readonly on: "nothing" | "start" | "end"; readonly to: number }
  | { readonly on: "character"; readonly set: CharacterSet; readonly to: number };

/** States past which an automaton is too large to be of use. */
const statesAllowed = 4_000;

const everything: PatternNode = { is: "characters", set: [[0, lastCodePoint]] };
const anything: PatternNode = { is: "repeat", part: everything, least: 0, most: Number.POSITIVE_INFINITY };

const known = new Map<string, Automaton | null>();

/** Null when the pattern is beyond us. */
export function automatonOf(pattern: string): Automaton | null {
  const found = known.get(pattern);
  if (found !== undefined) return found;
  const tree = parsePattern(pattern);
  const automaton = tree === null ? null : build({ is: "sequence", parts: [anything, tree, anything] });
  known.set(pattern, automaton);
  return automaton;
}

function build(tree: PatternNode): Automaton | null {
  const edges: Edge[][] = [];
  const sets: CharacterSet[] = [];
  const state = (): number => edges.push([]) - 1;
  const link = (from: number, edge: Edge): void => {
    (edges[from] as Edge[]).push(edge);
  };
  /** Adds the node between a state and the one it returns. */
  const add = (node: PatternNode, from: number): number => {
    if (edges.length > statesAllowed) return from;
    const to = state();
    switch (node.is) {
      case "characters":
        sets.push(node.set);
        link(from, { on: "character", set: node.set, to });
        return to;
      case "start":
      case "end":
        link(from, { on: node.is, to });
        return to;
      case "sequence":
        link(
          node.parts.reduce((at, part) => add(part, at), from),
          { on: "nothing", to },
        );
        return to;
      case "choice":
        for (const option of node.options) link(add(option, from), { on: "nothing", to });
        return to;
      case "repeat": {
        let at = from;
        for (let times = 0; times < node.least; times++) at = add(node.part, at);
        if (node.most === Number.POSITIVE_INFINITY) {
          const loop = state();
          link(at, { on: "nothing", to: loop });
          link(add(node.part, loop), { on: "nothing", to: loop });
          link(loop, { on: "nothing", to });
          return to;
        }
        link(at, { on: "nothing", to });
        for (let times = node.least; times < node.most; times++) {
          at = add(node.part, at);
          link(at, { on: "nothing", to });
        }
        return to;
      }
    }
  };
  const first = state();
  const last = add(tree, first);
  if (edges.length > statesAllowed) return null;

  const closure = (states: readonly number[], passes: readonly Edge["on"][]): number[] => {
    const seen = new Set(states);
    for (const one of seen) {
      for (const edge of edges[one] as Edge[]) if (passes.includes(edge.on)) seen.add(edge.to);
    }
    return [...seen].sort((a, b) => a - b);
  };
  return {
    sets,
    start: () => closure([first], ["nothing", "start"]),
    after(states, character) {
      const next = new Set<number>();
      for (const one of states) {
        for (const edge of edges[one] as Edge[]) {
          if (edge.on === "character" && holds(edge.set, character)) next.add(edge.to);
        }
      }
      return closure([...next], ["nothing"]);
    },
    accepts: (states, atStart) =>
      closure(states, atStart ? ["nothing", "start", "end"] : ["nothing", "end"]).includes(last),
  };
}

function holds(set: CharacterSet, character: number): boolean {
  return set.some(([low, high]) => low <= character && character <= high);
}
