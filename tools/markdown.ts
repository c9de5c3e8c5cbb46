/** The little of Markdown that checks of our own pages need: headings, tables, links. */

export interface Table {
  /** Text of the nearest heading above. */
  readonly heading: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export function tablesOf(markdown: string): readonly Table[] {
  const tables: Table[] = [];
  let heading = "";
  let rows: string[][] | null = null;
  let header: readonly string[] = [];
  for (const line of withoutFences(markdown).split("\n")) {
    heading = /^#+\s+(.*)$/.exec(line)?.[1] ?? heading;
    if (!line.startsWith("|")) {
      rows = null;
      header = [];
    } else if (header.length === 0) {
      header = cellsOf(line);
    } else if (rows === null) {
      // The line of dashes.
      rows = [];
      tables.push({ heading, header, rows });
    } else {
      rows.push(cellsOf(line));
    }
  }
  return tables;
}

/** Text between the bars; a bar inside a cell is written `\|`. */
function cellsOf(line: string): string[] {
  return line
    .trim()
    .replace(/^\||\|$/g, "")
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll("\\|", "|"));
}

/** Fenced blocks blanked, lines kept. */
export function withoutFences(markdown: string): string {
  return markdown.replace(/^(```|~~~)[\s\S]*?^\1/gm, (block) => block.replace(/[^\n]/g, ""));
}

/** Text of the first fenced block of a language. */
export function fenced(markdown: string, language: string): string | null {
  return new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "m").exec(markdown)?.[1] ?? null;
}

/** What is written as `code` in a text. */
export function codeSpans(text: string): readonly string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string);
}

/** Targets of links and images. */
export function linkTargets(markdown: string): readonly string[] {
  const text = withoutFences(markdown).replace(/`[^`\n]*`/g, "");
  return [...text.matchAll(/\]\(\s*<?([^)>\s]+)/g)].map((match) => match[1] as string);
}

/** Anchors of the headings, as GitHub makes them. */
export function anchorsOf(markdown: string): ReadonlySet<string> {
  const seen = new Map<string, number>();
  const anchors = new Set<string>();
  for (const [, title] of withoutFences(markdown).matchAll(/^#+\s+(.*)$/gm)) {
    const base = (title as string)
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replace(/\s/g, "-");
    const count = seen.get(base) ?? 0;
    seen.set(base, count + 1);
    anchors.add(count === 0 ? base : `${base}-${count}`);
  }
  return anchors;
}
