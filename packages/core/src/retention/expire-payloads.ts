import type { Connection, Statement } from "../postgres/database.ts";

const tenants: Statement = {
  name: "retention-log-tenants",
  text: "select tenant_id from entente.audit_tree order by tenant_id",
};

const expire: Statement = {
  name: "retention-expire-payloads",
  text: "select entente.expire_payloads($1, $2, $3) as next",
};

/** Sheets looked at in one statement. */
const atOnce = 256;

/**
 * Payloads of the audit log that are past the time of evidence and a month more. Leaves, hashes and so all proofs stay.
 * Remembers how far each log was walked, so that a day's turn looks at a day's leaves.
 */
export class PayloadExpiry {
  private readonly next = new Map<string, number>();

  /** All that is due by business time. Errors: `database-unavailable`. */
  async turn(connection: Connection): Promise<void> {
    for (const { tenant_id: tenantId } of await connection.run<{ tenant_id: string }>(tenants)) {
      for (;;) {
        const from = this.next.get(tenantId) ?? 0;
        const [row] = await connection.run<{ next: string | null }>(expire, [tenantId, from, atOnce]);
        if (row?.next == null) break;
        this.next.set(tenantId, Number(row.next));
      }
    }
  }
}
