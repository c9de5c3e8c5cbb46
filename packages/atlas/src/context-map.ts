import type { ContextDefinition, SystemContract, SystemDefinition, Treaty } from "@entente/core";
import { isHandOffTreaty } from "@entente/core";

/** Who speaks with whom, and about what: read from the definition, so that it cannot show what is not there. */
export interface ContextMap {
  readonly nodes: readonly MapNode[];
  readonly edges: readonly MapEdge[];
}

export interface MapNode {
  /** `context subscription`, `counterparty sap`, `clients`. */
  readonly id: string;
  readonly is: "context" | "counterparty" | "clients";
  readonly name: string;
}

export type MessageKind = "command" | "fact" | "query" | "callback" | "file" | "table" | "control-plane sync";

/** One arrow. It points the way the message goes; who may change the contract is another question, answered by `upstream`. */
export interface MapEdge {
  readonly from: string;
  readonly to: string;
  readonly kind: MessageKind;
  readonly relation: Relation;
  /** Node that owns the contract. */
  readonly upstream: string;
  /** Message types that travel; empty where the treaty's schemas say it. */
  readonly messages: readonly string[];
  readonly treaties: readonly string[];
}

export type Relation =
  | "customer-supplier"
  | "published language, conformist"
  | "anti-corruption layer"
  | "customer-supplier, anti-corruption layer"
  | "conformist, anti-corruption layer"
  | "open host service";

/** What each relation means, and when the map says so. */
export const relations: Readonly<Record<Relation, string>> = {
  "customer-supplier":
    "The sender publishes the command, the receiver carries it out: what the customer needs is the supplier's work.",
  "published language, conformist":
    "The writer publishes facts, the reader takes them as they are. The compatibility check keeps old readers whole.",
  "anti-corruption layer":
    "They are the authority and speak their own language. The treaty translates it; their words go no further.",
  "customer-supplier, anti-corruption layer":
    "They are upstream: their record decides, and is where our work begins; they plan for what we need of it. The treaty translates their words.",
  "conformist, anti-corruption layer":
    "They are downstream: they take what was decided as it is. The treaty says it in their words, which go no further.",
  "open host service":
    "One interface for everybody, in a published language: the OpenAPI document, or the commands a context publishes itself.",
};

const clients = "clients";
const context = (name: string) => `context ${name}`;
const counterparty = (name: string) => `counterparty ${name}`;

export function contextMap(definition: SystemDefinition, contract: SystemContract): ContextMap {
  const published = new Map(contract.contexts.map(({ name, messages }) => [name, messages]));
  const typesOf = (name: string, kind: "command" | "event") =>
    (published.get(name) ?? []).filter((message) => message.kind === kind).map(({ type }) => type);
  const treaties = definition.contexts.flatMap((own) => own.treaties ?? []);
  const nodes: MapNode[] = [
    ...(definition.contexts.some(({ intake }) => intake !== undefined)
      ? [{ id: clients, is: "clients", name: "Clients" } as const]
      : []),
    ...definition.contexts.map(({ name }) => ({ id: context(name), is: "context", name }) as const),
    ...[...new Set(treaties.map(({ target }) => target))].map(
      (name) => ({ id: counterparty(name), is: "counterparty", name }) as const,
    ),
  ];
  const edges = definition.contexts.flatMap((own) => [
    ...intakeEdges(own, typesOf),
    ...commandEdges(own, definition, typesOf),
    ...(own.treaties ?? []).flatMap((treaty) => treatyEdges(own.name, treaty)),
  ]);
  return { nodes, edges: together(edges) };
}

type TypesOf = (context: string, kind: "command" | "event") => readonly string[];

function intakeEdges({ name, intake }: ContextDefinition, typesOf: TypesOf): MapEdge[] {
  if (intake === undefined) return [];
  const face = {
    from: clients,
    to: context(name),
    relation: "open host service",
    upstream: context(name),
  } as const;
  const listened = new Set(intake.processes.flatMap(({ facts }) => facts));
  return [
    { ...face, kind: "command", messages: intake.processes.map(({ startedBy }) => startedBy), treaties: [] },
    { ...face, kind: "query", messages: [], treaties: [] },
    ...intake.factsFrom
      .filter((source) => source !== name)
      .map((source) =>
        factEdge(
          source,
          name,
          typesOf(source, "event").filter((type) => listened.has(type)),
        ),
      ),
  ];
}

function factEdge(from: string, to: string, messages: readonly string[], treaty?: string): MapEdge {
  return {
    from: context(from),
    to: context(to),
    kind: "fact",
    relation: "published language, conformist",
    upstream: context(from),
    messages,
    treaties: treaty === undefined ? [] : [treaty],
  };
}

/** Commands that come from another context's journal. */
function commandEdges(own: ContextDefinition, definition: SystemDefinition, typesOf: TypesOf): MapEdge[] {
  const to = context(own.name);
  return (own.deciders ?? []).flatMap(({ decider, commandsFrom }) =>
    commandsFrom
      .filter((source) => source !== own.name)
      .flatMap((source): MapEdge[] => {
        const from = context(source);
        const decided = Object.keys(decider.commands);
        const asked = typesOf(source, "command").filter((type) => decided.includes(type));
        const accepted =
          definition.contexts
            .find(({ name }) => name === source)
            ?.intake?.processes.map(({ startedBy }) => startedBy)
            .filter((type) => decided.includes(type) && !asked.includes(type)) ?? [];
        const edge = { from, to, kind: "command", upstream: to, treaties: [] } as const;
        return [
          ...(asked.length === 0
            ? []
            : [{ ...edge, relation: "customer-supplier", messages: asked } as const]),
          ...(accepted.length === 0
            ? []
            : [{ ...edge, relation: "open host service", messages: accepted } as const]),
        ];
      }),
  );
}

/** What an act is, by the treaty's kind. `change-feed`: they tell, we follow. */
const kindOf: Readonly<Record<string, MessageKind>> = {
  "command-with-callback": "command",
  "event-feed": "fact",
  "file-exchange": "file",
  "control-plane-sync": "control-plane sync",
  "synchronous-query": "query",
  "table-replication": "table",
  "change-feed": "fact",
};

/** Kinds in which what matters comes to us. */
const incoming = new Set(["table-replication", "change-feed"]);

function treatyEdges(own: string, treaty: Treaty): MapEdge[] {
  const there = counterparty(treaty.target);
  const here = context(own);
  const common = {
    relation:
      treaty.relation === undefined
        ? "anti-corruption layer"
        : (`${treaty.relation}, anti-corruption layer` as const),
    upstream: treaty.relation === "conformist" ? here : there,
    messages: [],
    treaties: [treaty.name],
  } as const;
  const out = { ...common, from: here, to: there };
  const back = { ...common, from: there, to: here };
  const kind = kindOf[treaty.kind] ?? "command";
  if (incoming.has(treaty.kind))
    return [
      { ...back, kind },
      { ...out, kind: "query" },
    ];
  if (!isHandOffTreaty(treaty)) return [{ ...out, kind }];
  return [
    { ...out, kind },
    // Every act can be asked about: the reconciliation path.
    { ...out, kind: "query" },
    ...(treaty.callback === undefined ? [] : [{ ...back, kind: "callback" } as const]),
    ...treaty.factsFrom
      .filter((source) => source !== own)
      .map((source) => factEdge(source, own, treaty.facts, treaty.name)),
  ];
}

/** Arrows that say the same of the same two are one. */
function together(edges: readonly MapEdge[]): MapEdge[] {
  const groups = Map.groupBy(edges, ({ from, to, kind, relation }) => [from, to, kind, relation].join("\n"));
  return [...groups.values()].map((group) => ({
    ...(group[0] as MapEdge),
    messages: [...new Set(group.flatMap(({ messages }) => messages))],
    treaties: [...new Set(group.flatMap(({ treaties }) => treaties))],
  }));
}
