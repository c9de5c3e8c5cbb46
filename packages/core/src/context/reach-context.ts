import { openDatabase } from "../postgres/database.ts";
import type { ContextAccess } from "../postgres/provision.ts";
import type { ContextDefinition, SystemDefinition } from "./definition.ts";
import type { ReachableContext } from "./system.ts";

/** Connections to a context's database, with both of its logins. */
export function reach(
  system: SystemDefinition,
  definition: ContextDefinition,
  access: ContextAccess,
): ReachableContext {
  const applicationName = `${system.name} ${definition.name}`;
  return {
    definition,
    database: openDatabase({ url: access.app, applicationName }),
    journal: openDatabase({ url: access.reader, applicationName: `${applicationName} reader` }),
  };
}
