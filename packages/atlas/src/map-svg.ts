import { graphlib, layout } from "@dagrejs/dagre";
import type { ContextMap, MapEdge, MessageKind } from "./context-map.ts";
import { escaped } from "./html.ts";

/** Widest a letter of the picture's font is taken to be, in pixels at the given size: nothing may run out of its box. */
const letterWidth = 0.58;
const nodeFont = 15;
const labelFont = 12;

/** Dashes tell kinds apart where colours do not; the label names them as well. */
const dashes: Readonly<Partial<Record<MessageKind, string>>> = {
  query: "2 4",
  callback: "9 5",
  table: "14 4",
  file: "14 4",
};

interface Point {
  readonly x: number;
  readonly y: number;
}

/** The map as one SVG that needs nothing else: light and dark, with a title and a description for who cannot see it. */
export function svgMap(map: ContextMap, title: string, description: string): string {
  const graph = new graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: "LR", nodesep: 46, edgesep: 22, ranksep: 64, marginx: 20, marginy: 20 });
  for (const { id, name } of map.nodes) {
    graph.setNode(id, { width: Math.max(120, widthOf(name, nodeFont) + 44), height: 60 });
  }
  map.edges.forEach((edge, n) => {
    const width = Math.max(...labelOf(edge).map((line) => widthOf(line, labelFont))) + 12;
    graph.setEdge(edge.from, edge.to, { width, height: 36, labelpos: "c" }, String(n));
  });
  layout(graph);
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  const size = [Math.ceil(width), Math.ceil(height)] as const;
  const edges = map.edges.map((edge, n) => edgeSvg(edge, graph.edge(edge.from, edge.to, String(n))));
  const nodes = map.nodes.map(({ id, is, name }) => {
    const box = graph.node(id) as { x: number; y: number; width: number; height: number };
    const [x, y] = [round(box.x - box.width / 2), round(box.y - box.height / 2)];
    const radius = is === "clients" ? 30 : 6;
    return [
      `<g class="${is}"><rect x="${x}" y="${y}" width="${round(box.width)}" height="${box.height}" rx="${radius}"/>`,
      `<text class="name" x="${round(box.x)}" y="${round(box.y + (is === "clients" ? 5 : -1))}">${escaped(name)}</text>`,
      is === "clients"
        ? "</g>"
        : `<text class="what" x="${round(box.x)}" y="${round(box.y + 17)}">${is}</text></g>`,
    ].join("");
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size[0]} ${size[1]}" width="${size[0]}" height="${size[1]}" role="img" aria-labelledby="map-title map-says">
<title id="map-title">${escaped(title)}</title>
<desc id="map-says">${escaped(description)}</desc>
<style>
.paper { fill: #fdfdfb; } .edge { fill: none; stroke: #4d5863; stroke-width: 1.5; } .head { fill: #4d5863; }
.context rect { fill: #e3eefb; stroke: #0b5394; } .counterparty rect { fill: #f6ecd9; stroke: #8a5a00; } .clients rect { fill: #eceff1; stroke: #4d5863; }
rect { stroke-width: 1.5; } .ground { fill: #fdfdfb; stroke: none; }
text { font-family: system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; text-anchor: middle; fill: #1d2329; }
.name { font-size: ${nodeFont}px; font-weight: 600; } .what { font-size: 11px; fill: #4d5863; } .label { font-size: ${labelFont}px; } .kind { font-weight: 600; }
@media (prefers-color-scheme: dark) {
.paper, .ground { fill: #14181c; } .edge { stroke: #a9b3bd; } .head { fill: #a9b3bd; } text { fill: #e6e9ec; } .what { fill: #a9b3bd; }
.context rect { fill: #12304e; stroke: #8ec5ff; } .counterparty rect { fill: #3b2c0d; stroke: #e0b35c; } .clients rect { fill: #262d33; stroke: #a9b3bd; }
}
</style>
<defs><marker id="map-arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto-start-reverse"><path class="head" d="M0 0 10 5 0 10z"/></marker></defs>
<rect class="paper" width="100%" height="100%" stroke="none"/>
${edges.map(({ line }) => line).join("\n")}
${edges.map(({ label }) => label).join("\n")}
${nodes.join("\n")}
</svg>
`;
}

function labelOf({ kind, relation }: MapEdge): readonly [string, string] {
  return [kind, relation];
}

function edgeSvg(edge: MapEdge, laid: unknown): { readonly line: string; readonly label: string } {
  const { points, x, y, width } = laid as { points: readonly Point[]; x: number; y: number; width: number };
  const dash = dashes[edge.kind];
  const line = `<path class="edge" d="${curve(points)}" marker-end="url(#map-arrow)"${dash === undefined ? "" : ` stroke-dasharray="${dash}"`}/>`;
  const [kind, relation] = labelOf(edge);
  const label =
    `<rect class="ground" x="${round(x - width / 2)}" y="${round(y - 16)}" width="${round(width)}" height="32"/>` +
    `<text class="label kind" x="${round(x)}" y="${round(y - 3)}">${kind}</text>` +
    `<text class="label" x="${round(x)}" y="${round(y + 12)}">${relation}</text>`;
  return { line, label };
}

/** A smooth line through every point, label included. */
function curve(points: readonly Point[]): string {
  const at = (n: number) => points[Math.min(points.length - 1, Math.max(0, n))] as Point;
  const place = ({ x, y }: Point) => `${round(x)} ${round(y)}`;
  const parts = points.slice(1).map((end, n) => {
    const [before, start, after] = [at(n - 1), at(n), at(n + 2)];
    const leaving = { x: start.x + (end.x - before.x) / 6, y: start.y + (end.y - before.y) / 6 };
    const arriving = { x: end.x - (after.x - start.x) / 6, y: end.y - (after.y - start.y) / 6 };
    return `C${place(leaving)} ${place(arriving)} ${place(end)}`;
  });
  return `M${place(at(0))}${parts.join("")}`;
}

function widthOf(text: string, font: number): number {
  return Math.ceil(text.length * font * letterWidth);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
