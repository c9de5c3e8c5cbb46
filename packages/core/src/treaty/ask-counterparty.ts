import { hash } from "node:crypto";
import canonicalize from "canonicalize";
import type { JsonObject } from "../model/entry.ts";
import { Failure, isFailure } from "../model/failure.ts";
import { meaningOf } from "../model/hand-off-answer.ts";
import { openCircuit } from "./circuit.ts";
import { isRefusal, refusalIn } from "./refused-credentials.ts";
import { type SchemaCheck, validatorOf } from "./schema-check.ts";
import type { Means, ReadingTreaty, Reply } from "./treaty.ts";

/**
 * Asks a counterparty something at once, for somebody who waits. It changes nothing over there, so nothing has to be found out when no
 * answer comes: the caller gets the last answer that is not too old, or is told plainly that there is none.
 */
export type Asked =
  | { readonly outcome: "answered"; readonly answer: JsonObject; readonly at: number }
  /** They are away, or the treaty is stopped; this is what they said at `at`. */
  | { readonly outcome: "stale"; readonly answer: JsonObject; readonly at: number; readonly code: string }
  /** They said no. */
  | { readonly outcome: "refused"; readonly code: string; readonly means: string }
  /** No answer that will do. Show that it is not known; nothing is half done. */
  | { readonly outcome: "unavailable"; readonly code: string };

export interface Asker {
  /**
   * `tenantId` keeps remembered answers apart. Never waits for them longer than the treaty allows. A stopped treaty (`treaty-stopped`) and
   * one that has as much to do as it may (`counterparty-busy`) answer at once. Errors: `request-invalid` (defect), those of the database.
   */
  ask(tenantId: string, input: JsonObject): Promise<Asked>;
}

export interface AskerOptions {
  readonly treaty: ReadingTreaty;
  readonly means: (signal: AbortSignal, tenantId: string) => Means;
  /** Asked before every question: from the moment it says so nobody is asked, in any process. Errors: those of the database. */
  readonly isStopped: () => Promise<boolean>;
  /** Stops the treaty, and resolves once it is: they do not accept our credentials. Errors: those of the database. */
  readonly stop: (tenantId: string, code: string) => Promise<void>;
  /** Business time. */
  readonly now: () => number;
  /** Monotonic milliseconds. */
  readonly elapsed: () => number;
}

/** Answers remembered per treaty. */
const rememberedAllowed = 1_000;

export function openAsker({ treaty, means, isStopped, stop, now, elapsed }: AskerOptions): Asker {
  const checkInput = validatorOf(treaty.input);
  const checkOutput = validatorOf(treaty.output);
  const remembered = new Map<string, { readonly answer: JsonObject; readonly at: number }>();
  // The limits of hand-offs without their circuit: somebody waits, so each question tries whether they are there.
  const gate = openCircuit({ failures: Number.POSITIVE_INFINITY, openMs: 0 }, elapsed());
  gate.setShare(treaty.limits.concurrency, treaty.limits.ratePerSecond);
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
      if (await isStopped()) return orStale(place, stopped.code);
      // Whoever waits is better told at once than put behind others.
      if (gate.room(elapsed(), underWay) === 0) return orStale(place, busy.code);
      gate.started(1, elapsed());
      underWay++;
      try {
        const heard = await askOnce(treaty, checkOutput, (signal) => means(signal, tenantId), input, now);
        if (heard.outcome === "answered") remember(place, heard.answer, heard.at);
        if (heard.outcome === "answered" || heard.outcome === "refused") return heard;
        if (heard.stops) await stop(tenantId, heard.code);
        return orStale(place, heard.code);
      } finally {
        underWay--;
      }
    },
  };
}

const stopped = { code: "treaty-stopped" };
const busy = { code: "counterparty-busy" };
const late = { code: "answer-late" };
const broken = { code: "answer-broken" };
const unreadable = { code: "answer-unreadable" };

type Heard =
  | Extract<Asked, { readonly outcome: "answered" | "refused" }>
  /** `stops`: nobody is answered until a person has mended the credentials. */
  | { readonly outcome: "none"; readonly code: string; readonly stops: boolean };

async function askOnce(
  treaty: ReadingTreaty,
  check: SchemaCheck,
  means: (signal: AbortSignal) => Means,
  input: JsonObject,
  now: () => number,
): Promise<Heard> {
  const signal = AbortSignal.timeout(treaty.timeoutMs);
  let reply: Reply;
  try {
    const given = Promise.withResolvers<never>();
    signal.addEventListener("abort", () => given.reject(signal.reason), { once: true });
    reply = await Promise.race([treaty.ask(input, means(signal)), given.promise]);
  } catch (error) {
    const refusal = refusalIn(treaty.errorMap, error);
    if (refusal !== null) return { outcome: "none", code: refusal, stops: true };
    if (isFailure(error)) return none(error.code);
    return none((signal.aborted ? late : broken).code);
  }
  let said: ReturnType<ReadingTreaty["translate"]>;
  try {
    said = treaty.translate(reply);
  } catch {
    // What the author's function threw may hold the answer's content.
    return none(unreadable.code);
  }
  if (said.says === "code") {
    const code = said.code ?? unreadable.code;
    const meaning = meaningOf(treaty.errorMap, said.code);
    if (meaning?.class === "BUSINESS_REJECTED") return { outcome: "refused", code, means: meaning.means };
    return { outcome: "none", code, stops: isRefusal(treaty.errorMap, said.code) };
  }
  if (said.answer === undefined || check(reply.body) !== null) return none(unreadable.code);
  return { outcome: "answered", answer: said.answer, at: now() };
}

function none(code: string): Heard {
  return { outcome: "none", code, stops: false };
}
