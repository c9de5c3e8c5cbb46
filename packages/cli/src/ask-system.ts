import { Failure } from "@entente/core/model";

/**
 * The answer of a running system to an operator's or auditor's question, given as a path. Environment: ENTENTE_URL, ENTENTE_TOKEN.
 * Errors: `process-question-invalid`, `process-not-shown` (refused), `system-not-reached` (unavailable).
 */
export async function askSystem(path: string, environment: NodeJS.ProcessEnv): Promise<unknown> {
  const token = environment.ENTENTE_TOKEN;
  if (token === undefined || token === "")
    throw questionInvalid("Set ENTENTE_TOKEN to the token of an operator or an auditor.");
  const base = environment.ENTENTE_URL || "http://127.0.0.1:8080";
  if (!URL.canParse(base)) throw questionInvalid("ENTENTE_URL is not a URL.");
  const url = new URL(path, base);
  const answer = await fetch(url, {
    headers: { authorization: `Bearer ${token}` },
    redirect: "error",
    signal: AbortSignal.timeout(30_000),
  }).catch((cause: unknown) => {
    throw new Failure("unavailable", "system-not-reached", `Nothing answers at ${url.origin}.`, { cause });
  });
  const body = (await answer.json().catch(() => ({}))) as { code?: unknown; detail?: unknown };
  if (answer.status === 200) return body;
  const said = typeof body.detail === "string" ? ` ${body.detail}` : "";
  const code = typeof body.code === "string" ? ` (${body.code})` : "";
  throw new Failure("refused", "process-not-shown", `The system answered ${answer.status}${code}.${said}`);
}

export function questionInvalid(text: string): Failure {
  return new Failure("refused", "process-question-invalid", text);
}
