import { Failure } from "@entente/core";
import { tenantOf } from "./tenant-of-token.ts";

/**
 * Asks a running system to erase what is personal of a data subject. The tenant is the token's; naming it guards against the wrong token.
 * Environment: ENTENTE_URL, ENTENTE_TOKEN (an operator's).
 * Errors: `erasure-question-invalid`, `erasure-not-done` (refused), `system-not-reached` (unavailable).
 */
export async function erase(
  tenant: string,
  subject: string,
  { reason }: { readonly reason: string },
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const token = environment.ENTENTE_TOKEN;
  if (token === undefined || token === "")
    throw questionInvalid("Set ENTENTE_TOKEN to the token of an operator.");
  if (tenantOf(token) !== tenant) throw questionInvalid(`The token is not one of the tenant ${tenant}.`);
  const base = environment.ENTENTE_URL || "http://127.0.0.1:8080";
  if (!URL.canParse(base)) throw questionInvalid("ENTENTE_URL is not a URL.");
  const url = new URL("/ops/erasures", base);
  const answer = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ subject, why: reason }),
    redirect: "error",
    signal: AbortSignal.timeout(30_000),
  }).catch((cause: unknown) => {
    throw new Failure("unavailable", "system-not-reached", `Nothing answers at ${url.origin}.`, { cause });
  });
  const body = (await answer.json().catch(() => ({}))) as {
    readonly erased?: unknown;
    readonly code?: unknown;
    readonly detail?: unknown;
  };
  if (answer.status === 200) {
    console.log(
      body.erased === true
        ? `The key of ${subject} is gone: what was personal of it can be read by nobody.`
        : `There was no key of ${subject} to take: nothing was kept of it, or it was erased before.`,
    );
    return;
  }
  const said = typeof body.detail === "string" ? ` ${body.detail}` : "";
  const code = typeof body.code === "string" ? ` (${body.code})` : "";
  throw new Failure("refused", "erasure-not-done", `The system answered ${answer.status}${code}.${said}`);
}

function questionInvalid(text: string): Failure {
  return new Failure("refused", "erasure-question-invalid", text);
}
