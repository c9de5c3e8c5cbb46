import { isFailure } from "../model/failure.ts";
import { type ErrorMap, meaningOf } from "../model/hand-off-answer.ts";
import type { Database } from "../postgres/database.ts";
import { openCases } from "./fallout-cases.ts";
import type { Treaty } from "./treaty.ts";
import { stopTreaties } from "./treaty-control.ts";
import { type CaseLine, tenantSubject } from "./treaty-events.ts";

/**
 * What becomes of a refusal that no hand-off is blocked by: of a question, of a feed, of their books. Whoever is refused once is refused at
 * every try, so the treaty stops and a person is told, once.
 */
const refusalClass = "SECURITY_CONFIGURATION_FAILURE";

/** True for a code by which they do not accept our credentials. */
export function isRefusal(errorMap: ErrorMap, code: string | undefined): boolean {
  return meaningOf(errorMap, code)?.class === refusalClass;
}

/**
 * The code of a refusal that was thrown: theirs, where the Failure names one in `externalCode`; ours, where our own door stayed shut.
 * Null: it was something else, and may pass by itself.
 */
export function refusalIn(errorMap: ErrorMap, error: unknown): string | null {
  if (!isFailure(error)) return null;
  if (isOurs(error.code)) return error.code;
  const { externalCode } = error.fields;
  return typeof externalCode === "string" && isRefusal(errorMap, externalCode) ? externalCode : null;
}

/** Nothing left, and nothing will until a person mends the configuration. */
function isOurs(code: string): boolean {
  return code === "credential-unknown" || code === "egress-refused";
}

/**
 * Stops the treaty and opens its case, in one transaction. Repeated, also by several processes at once, it changes nothing: one open case
 * of a tenant is enough. Returns the line of a case that was opened, to be told. Errors: those of the database.
 */
export async function stopRefused(
  database: Database,
  { name, target, runbook }: Pick<Treaty, "name" | "target" | "runbook">,
  tenantId: string,
  code: string,
  now: number,
): Promise<readonly CaseLine[]> {
  const about = tenantSubject(tenantId, target, refusalClass);
  const why = isOurs(code)
    ? "Our own configuration keeps us from asking them."
    : "They do not accept our credentials.";
  const says = `${why} The treaty is stopped; what to do is in the runbook of ${runbook.integrationName}.`;
  return database.transaction(async (connection) => {
    // Locks the treaty's row, so that of several who are refused at once each sees the case of the one before.
    await stopTreaties(connection, new Map([[name, code]]), now);
    const known = await connection.execute(
      `select 1 from entente.fallout_case
       where tenant_id = $1 and treaty = $2 and kind = 'credentials-refused' and closed_at is null limit 1`,
      [tenantId, name],
    );
    if (known.length > 0) return [];
    const own = { about, treaty: name, owner: runbook.businessOwner };
    return openCases(connection, [{ ...own, kind: "credentials-refused", code, says }], now);
  });
}
