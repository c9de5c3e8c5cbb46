import { type Block, type Inline, type Page, spansOf, type Table, wayTo } from "./page.ts";

/** First line of every page: nobody edits what the next run overwrites. */
const warning = (command: string) =>
  `<!-- Written by \`${command}\` from the declarations of the system. -->`;

/** Pages as Markdown, by file name. `index` becomes README.md. */
export function markdownFiles(pages: readonly Page[], command: string): Map<string, string> {
  const paths = new Set(pages.map(({ path }) => path));
  const nameOf = (path: string) => (paths.has(path) ? fileOf(path) : path);
  return new Map(
    pages.map((page) => {
      const write = (inline: Inline) => inlineText(inline, (to) => wayTo(page.path, to, nameOf));
      const blocks = page.blocks.map((block) => blockText(block, write, page.path));
      const text = [warning(command), `# ${write(page.title)}`, write(page.says), ...blocks].join("\n\n");
      return [fileOf(page.path), `${text}\n`] as const;
    }),
  );
}

function fileOf(path: string): string {
  return path === "index" ? "README.md" : `${path}.md`;
}

type Write = (inline: Inline) => string;

function blockText(block: Block, write: Write, path: string): string {
  switch (block.is) {
    case "heading":
      return `## ${write(block.text)}`;
    case "text":
      return write(block.text);
    case "list":
      return block.items.map((item) => `- ${write(item)}`).join("\n");
    case "table":
      return tableText(block, write);
    case "code":
      return `\`\`\`${block.language}\n${block.text}\n\`\`\``;
    case "figure":
      return `![${write(block.alt)}](${wayTo(path, block.file, (to) => to)})`;
  }
}

function tableText({ header, rows }: Table, write: Write): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [
    line(header.map(write)),
    line(header.map(() => "---")),
    ...rows.map((row) => line(row.map(write))),
  ].join("\n");
}

function inlineText(inline: Inline, to: (path: string) => string): string {
  return spansOf(inline)
    .map((span) => {
      if (span.is === "code") return `\`${span.text}\``;
      const plain = span.text.replace(/[\\*_<>[\]`#]/g, "\\$&");
      return span.is === "link" ? `[${plain}](${to(span.to as string)})` : plain;
    })
    .join("");
}
