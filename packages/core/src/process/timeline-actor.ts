import type { Entry } from "../model/entry.ts";

/** Who did what an entry tells of. */
export type Actor =
  | { readonly kind: "customer"; readonly name: string | null }
  | { readonly kind: "context"; readonly name: string }
  /** The system at the other end of a treaty. */
  | { readonly kind: "counterparty"; readonly name: string; readonly treaty: string }
  | { readonly kind: "operator"; readonly name: string; readonly why: string };

/** What a counterparty says is its word, wherever we heard it. */
const theirWord = new Set(["answer", "callback", "inquiry"]);

/** `targetOf`: the counterparty of a treaty; null for one that is gone. */
export function actorOf(entry: Entry, targetOf: (treaty: string) => string | null): Actor {
  const { kind, id, processId, causationId, source, target, customerId, data } = entry;
  const text = (name: string): string | null => {
    const value = data[name];
    return typeof value === "string" ? value : null;
  };
  const by = text("by");
  const treaty = text("treaty");
  if (entry.type.startsWith("entente.")) {
    const person = text("person") ?? (kind === "control" || kind === "command" ? by : null);
    if (person !== null) return { kind: "operator", name: person, why: text("why") ?? "" };
    const counterparty = text("target") ?? (treaty === null ? null : targetOf(treaty));
    const isTheirs = kind === "callback" || (by !== null && theirWord.has(by));
    if (isTheirs && counterparty !== null && treaty !== null)
      return { kind: "counterparty", name: counterparty, treaty };
  }
  const isAccepted = kind === "command" && id === processId && causationId === null && target !== source;
  const why = text("why");
  // Whoever sends a command in the name of an office says who and why in it.
  if (isAccepted && by !== null && why !== null) return { kind: "operator", name: by, why };
  return isAccepted ? { kind: "customer", name: customerId } : { kind: "context", name: source };
}
