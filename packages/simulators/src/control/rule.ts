import { type Static, Type } from "typebox";
import { Compile } from "typebox/schema";
import {
  type Behaviour,
  behaviourNames,
  behaviours,
  isAboutCallbacks,
  isBehaviourName,
} from "./behaviour.ts";
import { canBeRejected, hasCallbacks, type SystemDescription } from "./system-description.ts";

const When = Type.Object(
  {
    operation: Type.Optional(Type.String()),
    key: Type.Optional(Type.String()),
    share: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  },
  { additionalProperties: false },
);
const Times = Type.Optional(Type.Integer({ minimum: 1 }));

/** Which requests a rule is for; all that is given must hold. */
export type When = Static<typeof When>;

export interface Rule {
  readonly behaviour: Behaviour;
  readonly when: When;
  /** How often it applies at most; null: for ever. */
  readonly times: number | null;
}

/** What is wrong with a rule; `pointer` is a JSON pointer into it. */
export interface RuleProblem {
  readonly pointer: string;
  readonly detail: string;
}

export type ReadRule =
  | { readonly rule: Rule }
  | { readonly problems: readonly [RuleProblem, ...RuleProblem[]] };

interface SchemaError {
  readonly instancePath: string;
  readonly message: string;
  readonly params: {
    readonly requiredProperties?: readonly string[];
    readonly additionalProperties?: readonly string[];
  };
}

const checks = Object.fromEntries(
  behaviourNames.map((name) => {
    const { properties } = behaviours[name];
    const bare = Type.Object(properties, { additionalProperties: false });
    const full = Type.Object(
      { ...properties, when: Type.Optional(When), times: Times },
      { additionalProperties: false },
    );
    return [name, { bare: Compile(bare), full: Compile(full) }];
  }),
);

/**
 * Reads a rule as it came over the wire. `bare`: a behaviour for one request, without `when` and `times`.
 * Besides its shape it must make sense here: operation and reason are known, and callbacks exist where it speaks of them.
 */
export function readRule(value: unknown, system: SystemDescription, bare = false): ReadRule {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return refused("", "must be an object");
  }
  const { behaviour: name } = value as { behaviour?: unknown };
  if (!isBehaviourName(name)) return refused("/behaviour", `must be one of ${behaviourNames.join(", ")}`);
  const check = (checks[name] as (typeof checks)[string])[bare ? "bare" : "full"];
  if (!check.Check(value)) {
    const problems = (check.Errors(value)[1] as readonly SchemaError[]).flatMap(problemsOf);
    return { problems: [problems[0] ?? { pointer: "", detail: "does not fit" }, ...problems.slice(1)] };
  }
  const { when = {}, times = null, ...behaviour } = value as Behaviour & { when?: When; times?: number };
  return (
    nonsense(behaviour as Behaviour, when, system) ?? {
      rule: { behaviour: behaviour as Behaviour, when, times },
    }
  );
}

function nonsense(behaviour: Behaviour, when: When, system: SystemDescription): ReadRule | null {
  const { operation } = when;
  const known = operation === undefined ? null : system.operations[operation];
  if (known === undefined) {
    return refused("/when/operation", `must be one of ${Object.keys(system.operations).join(", ")}`);
  }
  if (isAboutCallbacks(behaviour.behaviour)) {
    if (!hasCallbacks(system)) return refused("/behaviour", `${system.name} has no callbacks`);
    if (known?.callback === false)
      return refused("/when/operation", `${operation} is followed by no callback`);
  }
  if (behaviour.behaviour !== "rejection") return null;
  const { reason } = behaviour;
  if (!Object.hasOwn(system.rejections, reason)) {
    return refused("/reason", `must be one of ${Object.keys(system.rejections).join(", ")}`);
  }
  return operation === undefined || canBeRejected(system, operation, reason)
    ? null
    : refused("/reason", `${operation} is never refused with ${reason}`);
}

function refused(pointer: string, detail: string): ReadRule {
  return { problems: [{ pointer, detail }] };
}

function problemsOf({ instancePath, message, params }: SchemaError): RuleProblem[] {
  const at = (names: readonly string[], detail: string) =>
    names.map((name) => ({ pointer: `${instancePath}/${name}`, detail }));
  if (params.requiredProperties !== undefined) return at(params.requiredProperties, "is required");
  if (params.additionalProperties !== undefined) return at(params.additionalProperties, "is not known here");
  return [{ pointer: instancePath, detail: message }];
}
