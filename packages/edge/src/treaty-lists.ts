import { isHandOffTreaty, type System } from "@entente/core";
import { type TSchema, Type } from "typebox";
import { contextName } from "./operator-act.ts";
import { isoTime } from "./process-answer.ts";

/** What the lists that operators see of treaties have in common. */

export const text = Type.String();
export const textOrNone = Type.Union([Type.String(), Type.Null()]);
export const timeOrNone = Type.Union([Type.String({ format: "date-time" }), Type.Null()]);
export const time = Type.String({ format: "date-time" });
export const uuid = Type.String({ format: "uuid" });

export interface Asked {
  readonly context?: string;
  readonly limit?: number;
}

export function asked(more: Readonly<Record<string, TSchema>>) {
  return Type.Object(
    {
      context: Type.Optional(contextName),
      ...more,
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
    },
    { additionalProperties: false },
  );
}

/** What one context has or, context by context, all that have treaties with an effect elsewhere. */
export async function overContexts<Found>(
  system: System,
  context: string | undefined,
  limit: number,
  find: (context: string, left: number) => Promise<Found[]>,
): Promise<Found[]> {
  const acting = system.treaties.list().filter(({ treaty }) => isHandOffTreaty(treaty));
  const names = context === undefined ? new Set(acting.map((one) => one.context)) : [context];
  const found: Found[] = [];
  for (const name of names) {
    if (found.length >= limit) break;
    found.push(...(await find(name, limit - found.length)));
  }
  return found;
}

/** What the description of an answer names, and nothing else of a record. */
export function shown(
  { properties }: { readonly properties: object },
  record: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(Object.keys(properties).map((name) => [name, record[name]]));
}

export function timeOf(at: number | null): string | null {
  return at === null ? null : isoTime(at);
}
