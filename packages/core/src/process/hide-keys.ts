import type { Entry, Json, JsonObject } from "../model/entry.ts";
import { keyHash, openedType } from "../treaty/hand-off-entries.ts";

/**
 * Entries with the hashes of idempotency keys in place of the keys. Whoever has a key can speak to a counterparty as we do, and
 * every move names its hash already. Their messages may repeat our key, also that of a later attempt.
 */
export function hideKeys(entries: readonly Entry[]): Entry[] {
  const acts = new Set(entries.filter(({ type }) => type === openedType).flatMap(({ data }) => actsOf(data)));
  if (acts.size === 0) return [...entries];
  const hidden = (text: string): string => {
    const end = text.lastIndexOf(":");
    return acts.has(text.slice(0, end)) && /^:\d+$/.test(text.slice(end)) ? keyHash(text) : text;
  };
  return entries.map((entry) => {
    if (!entry.type.startsWith("entente.")) return entry;
    const key =
      entry.kind === "callback"
        ? entry.key.replace(/^callback:(.*)$/s, (_, own) => `callback:${hidden(own)}`)
        : entry.key;
    return { ...entry, key, data: within(entry.data, hidden) as JsonObject };
  });
}

/** Keys without their attempt. */
function actsOf(data: JsonObject): string[] {
  const rows = Array.isArray(data.rows) ? (data.rows as readonly Json[]) : [];
  return [data, ...rows].flatMap((one) => {
    const key = (one as { idempotencyKey?: unknown } | null)?.idempotencyKey;
    return typeof key === "string" ? [key.slice(0, key.lastIndexOf(":"))] : [];
  });
}

function within(value: Json, hidden: (text: string) => string): Json {
  if (typeof value === "string") return hidden(value);
  if (Array.isArray(value)) return value.map((one) => within(one, hidden));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, within(one, hidden)]));
}
