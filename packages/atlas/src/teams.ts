import { promisedTerms, type SystemContract, type SystemDefinition } from "@entente/core";
import type { ContractSnapshot } from "@entente/core/internal";
import { type ContextMap, contextMap, type MapEdge } from "./context-map.ts";

/** Who owns what. What a treaty's runbook names as technical owner is that treaty's team. */
export interface Teams {
  /** By context. */
  readonly contexts: Readonly<Record<string, string>>;
  /** Of the systems that are asked, by their name. */
  readonly counterparties: Readonly<Record<string, string>>;
  /** Of operations of the HTTP interface, by their tag, that are not the team's whose context accepts commands. */
  readonly operations?: Readonly<Record<string, string>>;
  /** Whoever is paged by what customers suffer from, and by how many alerts. */
  readonly incidents: { readonly team: string; readonly alerts: number };
}

/** What one team has to keep in mind, and where it meets others. Counted from declarations, nothing by hand. */
export interface TeamLoad {
  readonly team: string;
  readonly contexts: readonly string[];
  readonly treaties: readonly string[];
  /** Systems outside that are this team's. */
  readonly counterparties: readonly string[];
  /** Operations of the HTTP interface, journals that others may follow, treaties, and systems outside that are asked. */
  readonly interfaces: Readonly<Record<"operations" | "journals" | "treaties" | "systems", number>>;
  /** Messages of its contexts, and messages of its treaties: requests, answers, callbacks. */
  readonly schemas: { readonly messages: number; readonly ofTreaties: number };
  /** Thresholds in the runbooks of its treaties, each of which is an alert, and pages of incidents. */
  readonly alerts: number;
  /** By the other team: how many arrows of the context map go between them, and how many message types travel there. */
  readonly meets: readonly { readonly team: string; readonly arrows: number; readonly messages: number }[];
  /** Changes of messages that travel between this team and others: later versions that were accepted, and breaks. */
  readonly crossTeamChanges: number;
}

export interface TeamsInput {
  readonly teams: Teams;
  readonly definition: SystemDefinition;
  readonly contract: SystemContract;
  /** What was promised so far; null: no changes are known. */
  readonly snapshot: ContractSnapshot | null;
  readonly openApi: object | null;
}

/** Every team with its load, by name. Errors: thrown when a context, a treaty or a counterparty has no team. Pure. */
export function teamLoads(input: TeamsInput): TeamLoad[] {
  const { teams, definition, contract } = input;
  const treaties = definition.contexts.flatMap((context) => context.treaties ?? []);
  const map = contextMap(definition, contract);
  const teamOf = teamsOfNodes(map, teams, definition);
  for (const { name } of definition.contexts) owned(teams.contexts, name, "context");
  for (const { target } of treaties) owned(teams.counterparties, target, "counterparty");
  const all = [
    ...new Set([
      ...Object.values(teams.contexts),
      ...Object.values(teams.counterparties),
      ...treaties.map(({ runbook }) => runbook.technicalOwner),
      ...Object.values(teams.operations ?? {}),
      teams.incidents.team,
    ]),
  ].sort();
  const owners = ownersOfOperations(input);
  return all.map((team) => {
    const contexts = definition.contexts.filter(({ name }) => teams.contexts[name] === team);
    const own = treaties.filter(({ runbook }) => runbook.technicalOwner === team);
    const systems = Object.keys(teams.counterparties).filter((name) => teams.counterparties[name] === team);
    const crossing = map.edges.filter(
      (edge) =>
        teamOf(edge.from) !== teamOf(edge.to) && [edge.from, edge.to].some((id) => teamOf(id) === team),
    );
    return {
      team,
      contexts: contexts.map(({ name }) => name),
      treaties: own.map(({ name }) => name),
      counterparties: systems,
      interfaces: {
        operations: owners.filter((owner) => owner === team).length,
        journals: contexts.length,
        treaties: own.length,
        systems: systems.length,
      },
      schemas: {
        messages: contract.contexts
          .filter(({ name }) => teams.contexts[name] === team)
          .reduce((sum, { messages }) => sum + messages.length, 0),
        ofTreaties: own.reduce((sum, treaty) => sum + Object.keys(promisedTerms(treaty).schemas).length, 0),
      },
      alerts:
        own.reduce((sum, { runbook }) => sum + thresholdsOf(runbook.alertThresholds), 0) +
        (teams.incidents.team === team ? teams.incidents.alerts : 0),
      meets: meetsOf(team, crossing, teamOf),
      crossTeamChanges: changesOf(new Set(crossing.flatMap(({ messages }) => messages)), input.snapshot),
    };
  });
}

/** Clients are served by whoever owns the context they speak with: no other team of ours. */
function teamsOfNodes(
  map: ContextMap,
  teams: Teams,
  definition: SystemDefinition,
): (id: string) => string | undefined {
  const front = definition.contexts.find(({ intake }) => intake !== undefined);
  const byId = new Map(
    map.nodes.map(({ id, is, name }) => [
      id,
      is === "counterparty"
        ? teams.counterparties[name]
        : teams.contexts[is === "clients" ? (front?.name ?? "") : name],
    ]),
  );
  return (id) => byId.get(id);
}

function meetsOf(
  team: string,
  crossing: readonly MapEdge[],
  teamOf: (id: string) => string | undefined,
): TeamLoad["meets"] {
  const other = ({ from, to }: MapEdge): string => [from, to].map(teamOf).find((one) => one !== team) ?? "";
  return [...Map.groupBy(crossing, other)]
    .map(([name, edges]) => ({
      team: name,
      arrows: edges.length,
      messages: new Set(edges.flatMap(({ messages }) => messages)).size,
    }))
    .sort((a, b) => (a.team < b.team ? -1 : 1));
}

/** Versions after the first, kept or given up, and breaks that were accepted, of these messages. */
function changesOf(types: ReadonlySet<string>, snapshot: ContractSnapshot | null): number {
  if (snapshot === null) return 0;
  const versions = Object.entries(snapshot.messages)
    .filter(([type]) => types.has(type))
    .reduce((sum, [, one]) => sum + Object.keys(one.versions).length + one.retired.length - 1, 0);
  const breaks = snapshot.broken.filter(({ changes }) =>
    changes.some((change) => types.has(change.split(":")[0] ?? "")),
  ).length;
  return versions + breaks;
}

function owned(teams: Readonly<Record<string, string>>, name: string, what: string): void {
  if (!Object.hasOwn(teams, name)) throw new Error(`the ${what} ${name} has no team`);
}

/** `One blocked hand-off; five in fallout.` is two; a runbook that begins with `None` has none. */
function thresholdsOf(text: string): number {
  return text.startsWith("None") ? 0 : text.split("; ").length;
}

/** The team of each operation of the HTTP interface. */
function ownersOfOperations({ teams, definition, openApi }: TeamsInput): (string | undefined)[] {
  const front = definition.contexts.find(({ intake }) => intake !== undefined)?.name ?? "";
  const { paths = {} } = (openApi ?? {}) as { readonly paths?: Record<string, Record<string, Operation>> };
  return Object.values(paths).flatMap((methods) =>
    Object.values(methods).map(({ tags = [] }) => {
      const tag = tags.find((one) => Object.hasOwn(teams.operations ?? {}, one));
      return tag === undefined ? teams.contexts[front] : teams.operations?.[tag];
    }),
  );
}

interface Operation {
  readonly tags?: readonly string[];
}
