import { openDatabase } from "../postgres/database.ts";
import type { ContextAccess, ProvisionOptions } from "../postgres/provision.ts";
import type { ContextDefinition, SystemDefinition, SystemSettings } from "./definition.ts";
import type { ReachableContext, SystemOptions } from "./system.ts";

/** How a context's database is made or reached, and how long its journal is kept. */
export function provisioning(
  options: SystemOptions,
  context: ContextDefinition,
  settings: SystemSettings,
): ProvisionOptions {
  const direct = options.contextUrls?.[context.name];
  return {
    system: options.definition.name,
    context: context.name,
    adminUrl: direct ?? options.adminUrl,
    direct: direct !== undefined,
    ...keepingOf(context, settings),
    ...(context.migrations === undefined ? {} : { migrations: context.migrations }),
  };
}

function keepingOf(context: ContextDefinition, settings: SystemSettings) {
  if (context.intake !== undefined) return { journalKeptDays: settings.intakeKeptDays, isIntake: true };
  const days = keptDaysOf(context, settings);
  return days === 0 ? {} : { journalKeptDays: days };
}

/** Days that the months of evidence of a context are kept; 0: for ever. */
export function keptDaysOf(context: ContextDefinition, settings: SystemSettings): number {
  return context.keptDays ?? settings.evidenceKeptDays;
}

/** Opens the connections to a context's database, as itself and as a reader of its journal. */
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
