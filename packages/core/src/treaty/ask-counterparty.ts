import { hash } from "node:crypto";
import canonicalize from "canonicalize";
import type { JsonObject } from "../model/entry.ts";
import { Failure, isFailure } from "../model/failure.ts";
import { meaningOf } from "../model/hand-off-answer.ts";
import { type SchemaCheck, validatorOf } from "./schema-check.ts";
import type { Means, ReadingTreaty, Reply } from "./treaty.ts";

/**
 * Asks a counterparty something at once, for somebody who waits. It changes nothing over there, so nothing has to be found out when no
 * answer comes: the caller gets the last answer that is not too old, or is told plainly that there is none.
 */
export type Asked =
  | { readonly outcome: "answered"; readonly answer: JsonObject; readonly at: number }
  /** They are away; this is what they said at `at`. */
  | { readonly outcome: "stale"; readonly answer: JsonObject; readonly at: number; readonly code: string }
  /** They said no. */
  | { readonly outcome: "refused"; readonly code: string; readonly means: string }
  /** No answer that will do. Show that it is not known; nothing is half done. */
  | { readonly outcome: "unavailable"; readonly code: string };

export interface Asker {
  /** `tenantId` keeps remembered answers apart. Errors: `request-invalid` (defect). Never waits longer than the treaty allows. */
  ask(tenantId: string, input: JsonObject): Promise<Asked>;
}

/** Answers remembered per treaty. */
const rememberedAllowed = 1_000;

export function openAsker(
  treaty: ReadingTreaty,
  means: (signal: AbortSignal, tenantId: string) => Means,
  now: () => number,
): Asker {
  const checkInput = validatorOf(treaty.input);
  const checkOutput = validatorOf(treaty.output);
  const remembered = new Map<string, { readonly answer: JsonObject; readonly at: number }>();
  let underWay = 0;

  function orStale(place: string, code: string): Asked {
    const last = remembered.get(place);
    if (last === undefined || now() - last.at > treaty.staleAllowedMs)
      return { outcome: "unavailable", code };
    return { outcome: "stale", ...last, code };
  }

  function remember(place: string, answer: JsonObject, at: number): void {
    if (treaty.staleAllowedMs === 0) return;
    remembered.delete(place);
    remembered.set(place, { answer, at });
    for (const oldest of remembered.keys()) {
      if (remembered.size <= rememberedAllowed) break;
      remembered.delete(oldest);
    }
  }

  return {
    async ask(tenantId, input) {
      const problem = checkInput(input);
      if (problem !== null) {
        throw new Failure(
          "defect",
          "request-invalid",
          `${treaty.name} would ask what its input schema forbids: ${problem}`,
          {
            fields: { treaty: treaty.name },
          },
        );
      }
      const place = hash("sha256", `${tenantId}\u0000${canonicalize(input)}`, "hex");
      // Whoever waits is better told at once than put behind others.
      if (underWay >= treaty.limits.concurrency) return orStale(place, busy.code);
      underWay++;
      try {
        const asked = await askOnce(treaty, checkOutput, (signal) => means(signal, tenantId), input, now);
        if (asked.outcome === "answered") remember(place, asked.answer, asked.at);
        return asked.outcome === "unavailable" ? orStale(place, asked.code) : asked;
      } finally {
        underWay--;
      }
    },
  };
}

const busy = { code: "counterparty-busy" };
const late = { code: "answer-late" };
const broken = { code: "answer-broken" };
const unreadable = { code: "answer-unreadable" };

async function askOnce(
  treaty: ReadingTreaty,
  check: SchemaCheck,
  means: (signal: AbortSignal) => Means,
  input: JsonObject,
  now: () => number,
): Promise<Asked> {
  const signal = AbortSignal.timeout(treaty.timeoutMs);
  let reply: Reply;
  try {
    const given = Promise.withResolvers<never>();
    signal.addEventListener("abort", () => given.reject(signal.reason), { once: true });
    reply = await Promise.race([treaty.ask(input, means(signal)), given.promise]);
  } catch (error) {
    if (isFailure(error)) return { outcome: "unavailable", code: error.code };
    return { outcome: "unavailable", ...(signal.aborted ? late : broken) };
  }
  let said: ReturnType<ReadingTreaty["translate"]>;
  try {
    said = treaty.translate(reply);
  } catch {
    // What the author's function threw may hold the answer's content.
    return { outcome: "unavailable", ...unreadable };
  }
  if (said.says === "code") {
    const meaning = meaningOf(treaty.errorMap, said.code);
    if (meaning?.class === "BUSINESS_REJECTED")
      return { outcome: "refused", code: said.code ?? "", means: meaning.means };
    return { outcome: "unavailable", code: said.code ?? unreadable.code };
  }
  if (said.answer === undefined || check(reply.body) !== null)
    return { outcome: "unavailable", ...unreadable };
  return { outcome: "answered", answer: said.answer, at: now() };
}
