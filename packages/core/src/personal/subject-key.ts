import { unwrapKey } from "./seal.ts";

/** A data subject's key as `entente.subject_key` keeps it. `wrapped`: null once it is erased. */
export interface KeyRow extends Record<string, unknown> {
  key_id: string;
  tenant_id: string;
  subject_id: string;
  wrapped: Buffer | null;
}

/** Whose a wrapped key is: it opens for nobody else. */
export function ownerOf({
  tenant_id,
  subject_id,
  key_id,
}: Pick<KeyRow, "tenant_id" | "subject_id" | "key_id">): string {
  return JSON.stringify(["entente", tenant_id, subject_id, key_id]);
}

/** The key in the open and which of the wrapping keys it opened with, by place; null: with none, or it is erased. */
export function unwrappedBy(
  wrappingKeys: readonly Buffer[],
  row: KeyRow,
): { readonly key: Buffer; readonly by: number } | null {
  const { wrapped } = row;
  if (wrapped === null) return null;
  for (const [by, wrapping] of wrappingKeys.entries()) {
    try {
      return { key: unwrapKey(wrapping, ownerOf(row), wrapped), by };
    } catch {
      // The seal says so: it is another key's, or was changed. The next one is tried, and the caller tells when none opens.
    }
  }
  return null;
}
