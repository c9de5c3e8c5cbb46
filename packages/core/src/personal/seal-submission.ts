import type { Submission } from "../intake/intake.ts";
import type { Clock } from "../model/clock.ts";
import { Failure } from "../model/failure.ts";
import { openDatabase } from "../postgres/database.ts";
import {
  openPersonalData,
  type PersonalData,
  type PersonalDataOptions,
  type PersonalFields,
} from "./personal-data.ts";
import { keysContext } from "./with-keys.ts";

/** What a system does with personal data at its door. */

/** Personal data with the keys in this database. What has to be closed again goes into `opened`. */
export function openKeys(
  url: string,
  wrappingKeys: Pick<PersonalDataOptions, "wrappingKey" | "otherWrappingKey">,
  clock: Clock,
  opened: (() => Promise<unknown>)[],
): PersonalData {
  const database = openDatabase({
    url,
    applicationName: "personal data",
    connections: 2,
    statementTimeoutMs: 5_000,
  });
  opened.push(() => database.close());
  return openPersonalData({ database, context: keysContext, ...wrappingKeys, now: () => clock.now() });
}

/**
 * The submission as it may be stored. Nothing personal is stored in the open, whatever is configured.
 * Errors: `personal-data-unprotected` (unavailable) without keys; those of PersonalData.seal.
 */
export async function sealed(submission: Submission, personal: PersonalData | null): Promise<Submission> {
  const { personal: fields, ...rest } = submission;
  if (fields === undefined) return submission;
  if (personal === null) throw unprotected();
  const { tenantId, key, data } = submission;
  return { ...rest, ...(await personal.seal(tenantId, fields satisfies PersonalFields, data, key)) };
}

export function unprotected(): Failure {
  return new Failure(
    "unavailable",
    "personal-data-unprotected",
    "This system has no keys for personal data, so it takes none. Nothing was stored.",
  );
}
