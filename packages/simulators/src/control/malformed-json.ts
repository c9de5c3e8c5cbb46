import type { BehaviourOf } from "./behaviour.ts";
import type { Answer } from "./simulator-system.ts";

/**
 * A JSON answer made unreadable: cut in the middle, without a field, or with a number where that field's text should be (a text
 * where it was a number). `fields`: names to look for, nearest to the root first; without any of them the answer is cut.
 */
export function malformedJson(
  variant: BehaviourOf<"malformed">["variant"],
  answer: Answer,
  fields: readonly string[],
): Answer {
  const body = variant === "not-json" ? null : spoilt(answer.body, fields, variant === "missing-field");
  return { ...answer, body: body ?? cut(answer.body) };
}

function cut(body: string): string {
  return body.length > 2 ? body.slice(0, Math.ceil(body.length / 2)) : "{";
}

function spoilt(body: string, fields: readonly string[], remove: boolean): string | null {
  const parsed = parse(body);
  for (const field of fields) {
    const owner = ownerOf(parsed, field, 3);
    if (owner === null) continue;
    const { [field]: value, ...rest } = owner;
    for (const name of Object.keys(owner)) delete owner[name];
    Object.assign(owner, rest, remove ? {} : { [field]: typeof value === "string" ? 42 : "forty-two" });
    return JSON.stringify(parsed);
  }
  return null;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

/** The object that has the field: this one, or one inside it, at most `depth` levels down. */
function ownerOf(value: unknown, field: string, depth: number): Record<string, unknown> | null {
  if (typeof value !== "object" || value === null) return null;
  if (!Array.isArray(value) && Object.hasOwn(value, field)) return value as Record<string, unknown>;
  if (depth === 0) return null;
  for (const inner of Object.values(value)) {
    const owner = ownerOf(inner, field, depth - 1);
    if (owner !== null) return owner;
  }
  return null;
}
