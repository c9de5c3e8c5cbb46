import { handOffMoves } from "@entente/core";
import { type ContextMap, type MapEdge, type MapNode, relations } from "./context-map.ts";
import { mermaidMap } from "./map-mermaid.ts";
import { commas, heading, type Inline, type Page, table, text } from "./page.ts";
import { sheetPath } from "./treaty-pages.ts";

export const mapFile = "context-map.svg";

/** Every arrow in one sentence: the picture for who cannot see it. */
export function mapInWords({ nodes, edges }: ContextMap): string {
  const nameOf = names(nodes);
  const sentences = edges.map(({ from, to, kind, relation }) => {
    return `${nameOf(from)} to ${nameOf(to)}: ${kind}, ${relation}.`;
  });
  return [`${nodes.length} parties and ${edges.length} arrows.`, ...sentences].join(" ");
}

/** The map of one way to run the system, and its picture. */
export interface VariantMap {
  readonly name: string;
  readonly title: string;
  readonly says: string;
  readonly map: ContextMap;
  readonly file: string;
  readonly svg: string;
}

export function variantMapPath(name: string): string {
  return `context-map-${name}`;
}

export function variantMapFile(name: string): string {
  return `${variantMapPath(name)}.svg`;
}

export function variantMapPage({ name, title, says, map, file, svg }: VariantMap): Page {
  const page = mapPage(map, svg, file);
  return {
    ...page,
    path: variantMapPath(name),
    title: `Context map: ${title}`,
    blocks: [text(says), ...page.blocks],
  };
}

export function mapPage(map: ContextMap, svg: string, file = mapFile): Page {
  const nameOf = names(map.nodes);
  return {
    path: "context-map",
    title: "Context map",
    says: "Who speaks with whom: every arrow with the kind of message and the relation of the two sides.",
    group: "System",
    blocks: [
      text(
        "An arrow points the way the message goes. Upstream is the side that owns the contract, or decides what the other takes as it is.",
      ),
      { is: "figure", file, svg, alt: mapInWords(map) },
      heading("Arrows"),
      table(
        "Arrows of the context map",
        ["From", "To", "Kind", "Relation", "Upstream", "What"],
        map.edges.map((edge) => [
          nameOf(edge.from),
          nameOf(edge.to),
          edge.kind,
          edge.relation,
          nameOf(edge.upstream),
          what(edge),
        ]),
      ),
      heading("Relations"),
      table(
        "What the relations mean",
        ["Relation", "Here it means"],
        Object.entries(relations)
          .filter(([relation]) => map.edges.some((edge) => edge.relation === relation))
          .map(([relation, says]) => [relation, says]),
      ),
      heading("The map as text"),
      { is: "code", language: "mermaid", name: "The context map as Mermaid text", text: mermaidMap(map) },
    ],
  };
}

function names(nodes: readonly MapNode[]): (id: string) => string {
  const byId = new Map(nodes.map(({ id, name }) => [id, name]));
  return (id) => byId.get(id) ?? id;
}

function what({ messages, treaties }: MapEdge): Inline {
  const links = treaties.map((treaty) => ({ text: treaty, to: sheetPath(treaty) }));
  return commas([...links, ...messages.map((type) => `\`${type}\``)]);
}

/** The life of every hand-off: the same for all treaties. */
export function handOffPage(): Page {
  const moves = Object.entries(handOffMoves);
  const lines = moves.map(([name, { from, to }]) => `  ${from} --> ${to}: ${name}`);
  return {
    path: "hand-offs",
    title: "Life of a hand-off",
    says: "One act asked of a counterparty, from the stored intention to an end that nobody guessed.",
    group: "System",
    blocks: [
      table(
        "Moves of a hand-off",
        ["Move", "From", "To"],
        moves.map(([name, { from, to }]) => [name, `\`${from}\``, `\`${to}\``]),
      ),
      heading("As text"),
      {
        is: "code",
        language: "mermaid",
        name: "States of a hand-off as Mermaid text",
        text: ["stateDiagram-v2", "  [*] --> created", ...lines].join("\n"),
      },
    ],
  };
}

interface Operation {
  readonly summary?: string;
  readonly operationId?: string;
  readonly "x-roles"?: readonly string[];
}

/** The HTTP interface at a glance; the whole of it is the OpenAPI document. */
export function httpPage(openApi: object): Page {
  const { paths = {} } = openApi as { paths?: Record<string, Record<string, Operation>> };
  const rows = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): readonly Inline[] => [
      `\`${method.toUpperCase()} ${path}\``,
      operation.summary ?? "",
      (operation["x-roles"] ?? ["anybody"]).join(", "),
    ]),
  );
  return {
    path: "http",
    title: "HTTP interface",
    says: "What clients may call. Every error is a problem document with a stable code.",
    group: "System",
    blocks: [
      text(["The whole description: ", { text: "openapi.json", to: "openapi.json" }, " (OpenAPI 3.1)."]),
      table("Operations", ["Call", "What it does", "Who may"], rows),
    ],
  };
}
