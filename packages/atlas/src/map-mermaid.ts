import type { ContextMap } from "./context-map.ts";

const arrows = { command: "-->", fact: "==>", query: "-.->", callback: "-.->" } as const;

/** The map as Mermaid text. */
export function mermaidMap({ nodes, edges }: ContextMap): string {
  const ids = new Map(nodes.map(({ id }, n) => [id, `n${n}`]));
  const shape = { context: ["[", "]"], counterparty: ["[[", "]]"], clients: ["([", "])"] } as const;
  return [
    "flowchart LR",
    ...nodes.map(({ id, is, name }) => `  ${ids.get(id)}${shape[is][0]}"${quoted(name)}"${shape[is][1]}`),
    ...edges.map(({ from, to, kind, relation }) => {
      const arrow = kind in arrows ? arrows[kind as keyof typeof arrows] : "-->";
      return `  ${ids.get(from)} ${arrow}|"${kind}: ${relation}"| ${ids.get(to)}`;
    }),
  ].join("\n");
}

function quoted(text: string): string {
  return text.replaceAll('"', "#quot;");
}
