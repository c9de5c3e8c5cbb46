import { hash } from "node:crypto";
import { Failure, isFailure } from "../model/failure.ts";
import type { Finding } from "../model/hand-off.ts";
import { type AnswerClass, meaningOf, type Translation } from "../model/hand-off-answer.ts";
import type { TraceHeaders } from "../telemetry/trace-identity.ts";
import { validatorOf } from "./schema-check.ts";
import type { Dispatch, HandOffTreaty, Means, Question, Reply } from "./treaty.ts";

/** Calls the author's functions and makes of whatever happens something that can be recorded. Nothing here is ever guessed as failure. */

export type MeansOf = (
  treaty: HandOffTreaty,
  signal: AbortSignal,
  tenantId: string,
  trace?: TraceHeaders,
) => Means;

export interface Reach {
  readonly treaty: HandOffTreaty;
  readonly means: MeansOf;
  readonly answerWithinMs: number;
  /** On behalf of which span they are called. */
  readonly trace?: TraceHeaders | undefined;
}

/** What was heard of one sending or question. */
export interface Heard {
  /** Null: nothing readable came; `finding` says what follows. */
  readonly translation: Translation | null;
  readonly finding: Finding;
  readonly responseHash: string | null;
  readonly error: { readonly class: AnswerClass; readonly code: string; readonly text: string } | null;
  /** The counterparty answered and is not in trouble itself: what the circuit counts. */
  readonly reached: boolean;
  /** Milliseconds they ask everybody to wait. */
  readonly pauseMs: number;
  /** Monotonic. */
  readonly heardAt: number;
}

/**
 * Thrown by `send` when certainly nothing left: the name was not found, the connection was refused, the request could not be
 * built. Anything else thrown counts as "it may have happened".
 */
export function notSent(cause: unknown): Failure {
  return new Failure("unavailable", "request-not-sent", "The request did not leave.", { cause });
}

/** Sends once. `claimedAt`: monotonic time of the claim; what comes too late is not sent at all, because others go on by then. */
export async function sendOnce(reach: Reach, dispatch: Dispatch, claimedAt: number): Promise<Heard> {
  if (performance.now() - claimedAt > lateMs) {
    return notDone({ code: "sending-too-late", text: "Its time had passed; nothing was sent." }, true);
  }
  return hear(reach, dispatch.tenantId, "answer", (means) => reach.treaty.send(dispatch, means));
}

/** Asks once. An inquiry that fails proves nothing. */
export async function askOnce(reach: Reach, question: Question): Promise<Heard> {
  const heard = await hear(reach, question.tenantId, "inquiry", (means) =>
    reach.treaty.inquire(question, means),
  );
  return heard.translation === null ? { ...heard, finding: "unclear" } : heard;
}

/** Milliseconds after the claim past which nothing is sent. */
const lateMs = 1_500;

async function hear(
  reach: Reach,
  tenantId: string,
  of: "answer" | "inquiry",
  call: (means: Means) => Promise<Reply>,
): Promise<Heard> {
  const { treaty, answerWithinMs } = reach;
  const signal = AbortSignal.timeout(answerWithinMs);
  let reply: Reply;
  try {
    reply = await untilAborted(call(reach.means(treaty, signal, tenantId, reach.trace)), signal);
  } catch (error) {
    if (isFailure(error) && error.kind === "unavailable") {
      return notDone({ code: error.code, text: error.message });
    }
    if (isFailure(error, "egress-refused") || isFailure(error, "credential-unknown") || isErased(error)) {
      // Our own door stayed shut, so nothing left; and nothing will until a person mends the configuration.
      const { code, message: text } = error;
      const refused = { finding: "blocked", class: "SECURITY_CONFIGURATION_FAILURE", reached: true } as const;
      return trouble({ ...refused, code, text });
    }
    if (signal.aborted) {
      return unclear({ code: "answer-late", text: `No answer in ${answerWithinMs} ms.` });
    }
    return unclear({ code: "answer-broken", text: `The call broke off: ${nameOfError(error)}.` });
  }
  const responseHash = hash("sha256", reply.raw, "hex").slice(0, 32);
  const translation = readReply(treaty, reply, of);
  if (translation === null) {
    const text = `Status ${reply.status}: not what the treaty says an answer looks like.`;
    return { ...unclear({ code: "answer-unreadable", text }, true), responseHash };
  }
  const meaning = translation.says === "code" ? meaningOf(treaty.errorMap, translation.code) : undefined;
  const isTheirTrouble = meaning?.class === "TECHNICAL_RETRYABLE" || meaning?.class === "UNKNOWN";
  return {
    translation,
    finding: "unclear",
    responseHash,
    error: null,
    reached: !isTheirTrouble,
    pauseMs: isTheirTrouble ? (translation.retryAfterMs ?? 0) : 0,
    heardAt: performance.now(),
  };
}

/** The system's name for it, such as `ECONNRESET`, or else its class. What it says may hold the payload: a parser quotes what it met. */
function nameOfError(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const { code } = at as { readonly code?: unknown };
    if (typeof code === "string" && /^[A-Z][A-Z0-9_]{1,39}$/.test(code)) return code;
  }
  return error instanceof Error ? error.constructor.name : typeof error;
}

/** What was to be sent is readable for nobody any more: a person ends the hand-off. */
function isErased(error: unknown): error is Failure {
  return isFailure(error, "personal-data-erased") || isFailure(error, "personal-data-damaged");
}

/** Null when it cannot be read. A code needs no schema: error answers come in every shape. */
export function readReply(
  treaty: HandOffTreaty,
  reply: Reply,
  of: "answer" | "inquiry" | "callback",
): Translation | null {
  try {
    const translation = treaty.translate(reply, of);
    if (translation.says === "code" || of === "callback") return translation;
    return validatorOf(treaty.output)(reply.body) === null ? translation : null;
  } catch {
    // The author's function met something it was not made for; what it threw may hold the payload.
    return null;
  }
}

interface Trouble {
  readonly finding: Finding;
  readonly class: AnswerClass;
  readonly code: string;
  readonly text: string;
  readonly reached: boolean;
}

function trouble({ finding, class: answerClass, code, text, reached }: Trouble): Heard {
  return {
    translation: null,
    finding,
    responseHash: null,
    error: { class: answerClass, code, text },
    reached,
    pauseMs: 0,
    heardAt: performance.now(),
  };
}

/** May have happened. */
function unclear(about: { readonly code: string; readonly text: string }, reached = false): Heard {
  return trouble({ finding: "unclear", class: "UNKNOWN", reached, ...about });
}

/** Certainly did not. */
function notDone(about: { readonly code: string; readonly text: string }, reached = false): Heard {
  return trouble({ finding: "not-done", class: "TECHNICAL_RETRYABLE", reached, ...about });
}

/** Ends with the signal even when the author's function does not listen to it. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const give = (): void => reject(signal.reason);
    signal.addEventListener("abort", give, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", give));
  });
}
