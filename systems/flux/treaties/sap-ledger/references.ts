import { createHash } from "node:crypto";

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** Base 32 without letters that look like digits: 5 bits a character, at most 51. */
function base32(text: string, length: number): string {
  let bits = BigInt(`0x${createHash("sha256").update(text).digest("hex")}`);
  let code = "";
  while (code.length < length) {
    code += alphabet[Number(bits & 31n)];
    bits >>= 5n;
  }
  return code;
}

/**
 * The reference of an entry (DocumentReferenceID, 16 characters), made of its key: the same entry has the same however often it is sent.
 * 70 bits: among a hundred million entries two share one with a probability of one in 200,000.
 */
export function referenceOf(rowKey: string): string {
  return `FX${base32(rowKey, 14)}`;
}

/** AssignmentReference (18 characters), by which all entries of an account are found: its id, or a code where that is longer. */
export function assignmentOf(tenantId: string, accountId: string): string {
  return accountId.length <= 18 ? accountId : `A${base32(`${tenantId} ${accountId}`, 17)}`;
}

/** Keys of rows by the references that are made of them: what SAP names, in our words again. */
export function keysByReference(rowKeys: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(rowKeys.map((key) => [referenceOf(key), key]));
}
