import type { SystemDefinition } from "./definition.ts";

/** Name of the context that keeps the audit log. */
export const auditContext = "audit";

/** The system with one more context: it follows every journal, its own too, and keeps the audit log of each tenant. */
export function withAudit(definition: SystemDefinition): SystemDefinition {
  const follows = [...definition.contexts.map(({ name }) => name), auditContext];
  return { ...definition, contexts: [...definition.contexts, { name: auditContext, audit: { follows } }] };
}
